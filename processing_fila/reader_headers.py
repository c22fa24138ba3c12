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
"""What the first bytes of a packet say about its picture, where the container may say something else."""

from collections.abc import Callable, Iterator

from .reader_nal import SEARCH_BYTES, nal_length_size


Bytes = bytes | memoryview

RECOVERY_POINT = 6  # the type of the message with which decoding can start although there is no key picture
H264_CHROMA_PROFILES = (100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135)


def predicted_test(codec_name: str, extradata: bytes | None) -> Callable[[Bytes], bool] | None:
    """Makes the test that says whether the picture of a packet is predicted from others, so that it is no key packet.

    Args:
        codec_name: FFmpeg's name of the codec.
        extradata: The codec's configuration as the file has it.

    Returns:
        A function of the bytes of a packet, which is False where the bytes do not tell, or None for other codecs.
    """
    if codec_name in ("h264", "hevc"):
        is_predicted = _h264_is_predicted if codec_name == "h264" else _hevc_is_predicted
        length_size = nal_length_size(codec_name, extradata)
        return lambda packet: is_predicted(packet, length_size)
    return PREDICTED_TESTS.get(codec_name)


class ParameterSets:
    """Watches for parameter sets that come with some key packets only, so that decoding cannot start at the others.

    Args:
        codec_name: FFmpeg's name of the codec.
        extradata: The codec's configuration as the file has it.
    """

    def __init__(self, codec_name: str, extradata: bytes | None):
        self._types = {"h264": (7, 8), "hevc": (32, 33, 34)}.get(codec_name, ())
        self._is_hevc = codec_name == "hevc"
        self._length_size = nal_length_size(codec_name, extradata)
        self._extradata = extradata or b""
        self._some_are_new = self._some_are_missing = False

    def add(self, packet: Bytes) -> None:
        """Looks at a key packet."""
        if not self._types:
            return
        units = [unit for unit in _units(packet, self._length_size) if self._type(unit) in self._types]
        self._some_are_missing |= not units
        self._some_are_new |= any(unit.rstrip(b"\0") not in self._extradata for unit in units)

    @property
    def come_once(self) -> bool:
        """Whether a key packet has sets that the configuration lacks, and another has none."""
        return self._some_are_new and self._some_are_missing

    def _type(self, unit: bytes) -> int:
        return unit[0] >> 1 & 63 if self._is_hevc else unit[0] & 31


class H264Fields:
    """Finds H.264 packets that hold one field of an interlaced picture, so that two packets make a frame.

    Args:
        codec_name: FFmpeg's name of the codec.
        extradata: The codec's configuration as the file has it.

    Attributes:
        are_possible: Whether the stream may have fields at all.
    """

    def __init__(self, codec_name: str, extradata: bytes | None):
        self._length_size = nal_length_size(codec_name, extradata)
        self._bits_of_frame_num = self._has_colour_planes = 0
        self.are_possible = False
        if codec_name == "h264" and extradata:
            self._read_configuration(extradata)

    def is_single(self, packet: Bytes) -> bool:
        """Whether the packet has slices of one field only."""
        fields = [
            self._field(unit) for unit in _units(packet, self._length_size, len(packet)) if 1 <= unit[0] & 31 <= 5
        ]
        return set(fields) in ({"top"}, {"bottom"})

    def _read_configuration(self, extradata: bytes) -> None:
        data, length_size = (extradata[6:], 2) if self._length_size else (extradata, 0)  # avcC, or start codes
        unit = next((unit for unit in _units(data, length_size) if unit[0] & 31 == 7), None)
        if unit is None:
            return
        try:
            self._read_sequence_parameters(_Bits(unit[1:]))
        except IndexError:
            self.are_possible = False

    def _read_sequence_parameters(self, bits: "_Bits") -> None:
        profile = bits.take(8)
        bits.take(16)
        bits.golomb()
        if profile in H264_CHROMA_PROFILES:
            self._read_chroma(bits)
        self._bits_of_frame_num = bits.golomb() + 4
        order_type = bits.golomb()
        if order_type == 0:
            bits.golomb()
        elif order_type == 1:
            bits.take(1)
            bits.skip_golombs(2)
            bits.skip_golombs(bits.golomb())
        bits.golomb()
        bits.take(1)
        bits.skip_golombs(2)
        self.are_possible = bits.take(1) == 0

    def _read_chroma(self, bits: "_Bits") -> None:
        is_444 = bits.golomb() == 3
        self._has_colour_planes = bits.take(1) if is_444 else 0
        bits.skip_golombs(2)
        bits.take(1)
        if not bits.take(1):
            return
        for number in range(12 if is_444 else 8):
            if bits.take(1):
                _skip_scaling_list(bits, 16 if number < 6 else 64)

    def _field(self, unit: bytes) -> str:
        bits = _Bits(unit[1:40])
        try:
            bits.skip_golombs(3)
            bits.take(2 * self._has_colour_planes + self._bits_of_frame_num)
            if not bits.take(1):
                return "frame"
            return "bottom" if bits.take(1) else "top"
        except IndexError:
            return "unknown"


class _Bits:
    """Reads bits of a NAL unit, without the bytes that keep start codes out of it."""

    def __init__(self, unit: bytes):
        data = unit.replace(b"\0\0\3", b"\0\0")
        self._bits = f"{int.from_bytes(data, 'big'):0{8 * len(data)}b}"
        self._place = 0

    def take(self, count: int) -> int:
        """Returns the next bits as a number. Raises IndexError at the end."""
        self._place += count
        if self._place > len(self._bits):
            raise IndexError("no more bits")
        return int(self._bits[self._place - count : self._place] or "0", 2)

    def golomb(self) -> int:
        """Returns an Exp-Golomb number (H.264, 9.1)."""
        one = self._bits.find("1", self._place)
        if one < 0:
            raise IndexError("no more bits")
        zeros = one - self._place
        self._place = one
        return self.take(zeros + 1) - 1

    def skip_golombs(self, count: int) -> None:
        """Passes over some Exp-Golomb numbers."""
        for _ in range(count):
            self.golomb()


def _skip_scaling_list(bits: _Bits, size: int) -> None:
    last = following = 8
    for _ in range(size):
        if following:
            code = bits.golomb()
            following = (last + (code + 1) // 2 * (1 if code % 2 else -1)) % 256
        last = following or last


def _units(packet: Bytes, length_size: int, search_bytes: int = SEARCH_BYTES) -> Iterator[bytes]:
    """Yields the NAL units in the first bytes of a packet; the last one may be cut off."""
    head = bytes(packet[:search_bytes])
    if length_size:
        place = length_size
        while place < len(head):
            end = place + int.from_bytes(head[place - length_size : place], "big")
            if end > place:
                yield head[place:end]
            place = end + length_size
        return
    place = head.find(b"\0\0\1") + 3
    while 3 <= place < len(head):
        end = head.find(b"\0\0\1", place)
        if unit := head[place:end] if end >= 0 else head[place:]:
            yield unit
        place = end + 3


def _h264_is_predicted(packet: Bytes, length_size: int) -> bool:
    """Whether the first slice is not of an IDR picture and of type P, B or SP, without a recovery point before it."""
    for unit in _units(packet, length_size):
        unit_type = unit[0] & 31
        if unit_type == 6 and _has_recovery_point(unit[1:]):
            return False
        if unit_type in (1, 2):
            bits = _Bits(unit[1:16])
            try:
                bits.golomb()
                return bits.golomb() % 5 in (0, 1, 3)
            except IndexError:
                return False
        if unit_type == 5:
            return False
    return False


def _hevc_is_predicted(packet: Bytes, length_size: int) -> bool:
    """Whether the first slice is not of an intra random access point, without a recovery point before it."""
    for unit in _units(packet, length_size):
        unit_type = unit[0] >> 1 & 63
        if unit_type == 39 and _has_recovery_point(unit[2:]):
            return False
        if unit_type < 32:
            return not 16 <= unit_type <= 23
    return False


def _has_recovery_point(messages: bytes) -> bool:
    """Whether one of the messages (SEI) in a unit is a recovery point."""
    place = 0
    while place + 2 < len(messages):
        values = []
        for _ in range(2):  # the type, then the size: the sum of bytes up to the first below 255
            value = 0
            while place < len(messages) and messages[place] == 255:
                value, place = value + 255, place + 1
            if place >= len(messages):
                return False
            values.append(value + messages[place])
            place += 1
        if values[0] == RECOVERY_POINT:
            return True
        place += values[1]
    return False


def _mpeg4_is_predicted(packet: Bytes) -> bool:
    """`vop_coding_type` (ISO/IEC 14496-2, 6.2.5) is not I."""
    head = bytes(packet[:SEARCH_BYTES])
    place = head.find(b"\0\0\1\xb6") + 4
    return 4 <= place < len(head) and head[place] >> 6 != 0


def _mpeg2_is_predicted(packet: Bytes) -> bool:
    """`picture_coding_type` (ISO/IEC 13818-2, 6.2.3) is not I."""
    head = bytes(packet[:SEARCH_BYTES])
    place = head.find(b"\0\0\1\0") + 5
    return 5 <= place < len(head) and head[place] >> 3 & 7 != 1


def _vp9_is_predicted(packet: Bytes) -> bool:
    """`show_existing_frame` or `frame_type` of a frame header (VP9 bitstream specification, 6.2)."""
    shift = 1 if packet[0] >> 4 & 3 == 3 else 2  # profile 3 has a reserved bit
    return packet[0] >> 6 == 2 and packet[0] >> shift & 3 != 0


def _av1_is_predicted(packet: Bytes) -> bool:
    """`show_existing_frame` or `frame_type` of the first frame header (AV1 bitstream specification, 5.9.2)."""
    head, place = bytes(packet[:SEARCH_BYTES]), 0
    while place < len(head):
        unit_type, has_extension, has_size = head[place] >> 3 & 15, head[place] >> 2 & 1, head[place] >> 1 & 1
        place += 1 + has_extension
        size, shift = 0, 0
        while has_size and place < len(head):
            size |= (head[place] & 127) << shift
            place, shift = place + 1, shift + 7
            if head[place - 1] < 128:
                break
        if unit_type in (3, 6):  # a frame header, alone or with the frame
            return place < len(head) and head[place] >> 5 != 0
        if not has_size:
            return False
        place += size
    return False


def _flv1_is_predicted(packet: Bytes) -> bool:
    """The type after start code, version, number and size of a Sorenson H.263 picture."""
    bits = int.from_bytes(bytes(packet[:9]).ljust(9, b"\0"), "big")
    start, size = bits >> 55, bits >> 39 & 7
    place = 33 + {0: 16, 1: 32}.get(size, 0)
    return start == 1 and bits >> (70 - place) & 3 != 0


PREDICTED_TESTS: dict[str, Callable[[Bytes], bool]] = {
    "mpeg4": _mpeg4_is_predicted,
    "mpeg1video": _mpeg2_is_predicted,
    "mpeg2video": _mpeg2_is_predicted,
    "vp8": lambda packet: bool(packet[0] & 1),
    "libvpx": lambda packet: bool(packet[0] & 1),
    "vp9": _vp9_is_predicted,
    "libvpx-vp9": _vp9_is_predicted,
    "libdav1d": _av1_is_predicted,
    "av1": _av1_is_predicted,
    "theora": lambda packet: packet[0] >> 6 == 1,
    "flv": _flv1_is_predicted,
    "flv1": _flv1_is_predicted,
    "h263": lambda packet: len(packet) > 4 and packet[4] >> 2 & 7 != 7 and bool(packet[4] >> 1 & 1),
    "msmpeg4": lambda packet: packet[0] >> 6 != 0,
    "msmpeg4v2": lambda packet: packet[0] >> 6 != 0,
    "wmv1": lambda packet: packet[0] >> 6 != 0,
    "wmv2": lambda packet: bool(packet[0] >> 7),
}
