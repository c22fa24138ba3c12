"""Which H.264 and HEVC packets no other packet needs: bytes written by hand."""

import pytest

from processing_fila.reader_nal import unreferenced_test


AVCC = bytes([1, 100, 0, 31, 0xFF, 0xE1, 0])  # lengths of 4 bytes
HVCC_ONE_LAYER = bytes([1] + [0] * 20 + [1 << 3 | 3, 0])
HVCC_TWO_LAYERS = bytes([1] + [0] * 20 + [2 << 3 | 3, 0])
START = b"\0\0\0\1"


def unit(*data: int) -> bytes:
    """A NAL unit after its length."""
    return len(data).to_bytes(4, "big") + bytes(data)


@pytest.mark.parametrize(
    ("packet", "expected"),
    [
        (unit(0x01, 9, 9), True),  # a slice with nal_ref_idc 0
        (unit(0x41, 9, 9), False),  # a slice with nal_ref_idc 2
        (unit(0x65, 9, 9), False),  # an IDR slice
        (unit(0x09, 0xF0) + unit(0x06, 5, 1, 0) + unit(0x01, 9), True),  # delimiter, message, slice
        (unit(0x09, 0xF0) + unit(0x67, 1, 2) + unit(0x65, 9), False),
        (unit(0x06, 5, 1, 0), False),  # no slice at all
        (unit(0x81, 9, 9), False),  # the bit that must be zero is not: noise
        (b"", False),
        (b"\0\0\0\x63\x01\x09", False),  # a length beyond the packet: noise
    ],
)
def test_h264_after_lengths(packet, expected):
    assert unreferenced_test("h264", AVCC)(packet) is expected


@pytest.mark.parametrize("start", [START, START[1:]])
@pytest.mark.parametrize(("header", "expected"), [(0x01, True), (0x41, False), (0x65, False)])
def test_h264_after_start_codes(start, header, expected):
    is_unreferenced = unreferenced_test("h264", START + bytes([0x67, 100, 0, 31]))
    assert is_unreferenced(start + bytes([0x09, 0xF0]) + start + bytes([header, 9, 9])) is expected


@pytest.mark.parametrize(
    ("unit_type", "expected"),
    [(0, True), (1, False), (2, True), (3, False), (8, True), (9, False), (16, False), (19, False), (21, False)],
)
def test_hevc(unit_type, expected):
    message, slice_ = unit(39 << 1, 1, 5), unit(unit_type << 1, 1, 9)
    assert unreferenced_test("hevc", HVCC_ONE_LAYER)(message + slice_) is expected


@pytest.mark.parametrize(
    ("codec", "extradata"),
    [("hevc", HVCC_TWO_LAYERS), ("hevc", None), ("hevc", START), ("vp9", None), ("av1", b"\x81")],
)
def test_codecs_and_streams_that_do_not_tell(codec, extradata):
    assert unreferenced_test(codec, extradata) is None
