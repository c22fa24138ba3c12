"""Telling, from the first bytes of an H.264 or HEVC packet, whether any other picture is predicted from its own."""

from collections.abc import Callable, Iterator


# The first slice stands behind a few small units (delimiters, messages): this many bytes hold them all.
SEARCH_BYTES = 4096


def unreferenced_test(codec_name: str, extradata: bytes | None) -> Callable[[bytes | memoryview], bool] | None:
    """A function that says whether a packet's picture is one that no other needs; None where that cannot be said.

    A decoder could be trusted with this (`skip_frame`), but it takes noise in a damaged packet for such a picture.
    """
    extradata = extradata or b""
    if codec_name == "h264":
        length_size = (extradata[4] & 3) + 1 if _is_configuration(extradata, 7) else 0
        return lambda packet: _h264_is_unreferenced(packet, length_size)
    if codec_name == "hevc" and _is_configuration(extradata, 23) and _num_temporal_layers(extradata) == 1:
        length_size = (extradata[21] & 3) + 1
        return lambda packet: _hevc_is_unreferenced(packet, length_size)
    return None


def _is_configuration(extradata: bytes, min_size: int) -> bool:
    """Whether this is an avcC or hvcC record (ISO/IEC 14496-15) and not bare parameter sets behind start codes."""
    return len(extradata) >= min_size and extradata[0] == 1


def _num_temporal_layers(hvcc: bytes) -> int:
    """0 where unknown. In a stream of several, a picture that its own layer does not need may be needed by another."""
    return hvcc[21] >> 3 & 7


def _h264_is_unreferenced(packet: bytes | memoryview, length_size: int) -> bool:
    """The first slice has type 1 (no IDR) and nal_ref_idc 0; the standard gives the other slices the same."""
    for header in _unit_headers(packet, length_size):
        if 1 <= header & 31 <= 5:
            return header & 0xFF == 1
    return False


def _hevc_is_unreferenced(packet: bytes | memoryview, length_size: int) -> bool:
    """The first slice has one of the even types up to 8 (TRAIL_N to RASL_N)."""
    for header in _unit_headers(packet, length_size):
        if header >> 1 & 63 < 32:
            return header >> 1 & 63 in (0, 2, 4, 6, 8)
    return False


def _unit_headers(packet: bytes | memoryview, length_size: int) -> Iterator[int]:
    """The first byte of each NAL unit, behind lengths of `length_size` bytes or (0) behind start codes."""
    head = bytes(packet[:SEARCH_BYTES])
    return _headers_behind_lengths(head, len(packet), length_size) if length_size else _headers_behind_codes(head)


def _headers_behind_lengths(head: bytes, packet_size: int, length_size: int) -> Iterator[int]:
    place = length_size
    while place < len(head):
        end = place + int.from_bytes(head[place - length_size : place], "big")
        if end > packet_size:  # noise
            return
        yield head[place]
        place = end + length_size


def _headers_behind_codes(head: bytes) -> Iterator[int]:
    place = 0
    while (place := head.find(b"\0\0\1", place) + 3) > 2 and place < len(head):
        yield head[place]
