# Copyright 2026 The FiLA-Video contributors. All rights reserved.
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.
"""Finding H.264 and HEVC packets whose picture no other picture is predicted from, by their first bytes."""

from collections.abc import Callable, Iterator


# The first slice follows a few small units (delimiters, messages). This number of bytes holds them all.
SEARCH_BYTES = 4096


def unreferenced_test(codec_name: str, extradata: bytes | None) -> Callable[[bytes | memoryview], bool] | None:
    """Makes the test that says whether no other picture needs the picture of a packet.

    The decoder's own test (`skip_frame`) is not enough: it takes noise in a damaged packet for such a picture.

    Args:
        codec_name: FFmpeg's name of the codec.
        extradata: The codec's configuration as the file has it.

    Returns:
        A function of the bytes of a packet, or None if this codec or stream does not tell.
    """
    extradata = extradata or b""
    length_size = nal_length_size(codec_name, extradata)
    if codec_name == "h264":
        return lambda packet: _h264_is_unreferenced(packet, length_size)
    if codec_name == "hevc" and _is_configuration(extradata, 23) and _num_temporal_layers(extradata) == 1:
        return lambda packet: _hevc_is_unreferenced(packet, length_size)
    return None


def nal_length_size(codec_name: str, extradata: bytes | None) -> int:
    """Returns the number of bytes of the length before each NAL unit; 0 if there are start codes instead."""
    extradata = extradata or b""
    if codec_name == "h264":
        return (extradata[4] & 3) + 1 if _is_configuration(extradata, 7) else 0
    return (extradata[21] & 3) + 1 if _is_configuration(extradata, 23) else 0


def _is_configuration(extradata: bytes, min_size: int) -> bool:
    """Whether this is an avcC or hvcC record (ISO/IEC 14496-15), and not parameter sets after start codes."""
    return len(extradata) >= min_size and extradata[0] == 1


def _num_temporal_layers(hvcc: bytes) -> int:
    """Returns 0 if unknown. With several layers, a picture that its own layer does not need may serve another layer."""
    return hvcc[21] >> 3 & 7


def _h264_is_unreferenced(packet: bytes | memoryview, length_size: int) -> bool:
    """Whether the first slice has type 1 (not IDR) and nal_ref_idc 0, which the other slices then have as well."""
    for header in _unit_headers(packet, length_size):
        if 1 <= header & 31 <= 5:
            return header & 0xFF == 1
    return False


def _hevc_is_unreferenced(packet: bytes | memoryview, length_size: int) -> bool:
    """Whether the first slice has one of the even types up to 8 (TRAIL_N to RASL_N)."""
    for header in _unit_headers(packet, length_size):
        if header >> 1 & 63 < 32:
            return header >> 1 & 63 in (0, 2, 4, 6, 8)
    return False


def _unit_headers(packet: bytes | memoryview, length_size: int) -> Iterator[int]:
    """Yields the first byte of each NAL unit, after lengths of `length_size` bytes or, if that is 0, start codes."""
    head = bytes(packet[:SEARCH_BYTES])
    return _headers_after_lengths(head, len(packet), length_size) if length_size else _headers_after_codes(head)


def _headers_after_lengths(head: bytes, packet_size: int, length_size: int) -> Iterator[int]:
    place = length_size
    while place < len(head):
        end = place + int.from_bytes(head[place - length_size : place], "big")
        if end > packet_size:  # noise
            return
        yield head[place]
        place = end + length_size


def _headers_after_codes(head: bytes) -> Iterator[int]:
    place = 0
    while (place := head.find(b"\0\0\1", place) + 3) > 2 and place < len(head):
        yield head[place]
