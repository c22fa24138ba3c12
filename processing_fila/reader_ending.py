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
"""Noticing a file that ends too early, such as a download that broke off.

Only the structure of the container counts: the sizes of its parts, and marks at its end. Durations and numbers of
frames in headers are wrong in many whole files. Where the structure says nothing, as in live recordings, a file is
taken for whole.
"""

import os
from collections.abc import Callable
from contextlib import closing

from .reader_container import VideoContainer
from .reader_index import FrameIndex
from .reader_source import VideoSource


ASF_HEADER = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")
ASF_DATA = bytes.fromhex("3626b2758e66cf11a6d900aa0062ce6c")
MATROSKA_HEADER, MATROSKA_SEGMENT = bytes.fromhex("1a45dfa3"), bytes.fromhex("18538067")
MP4_FIRST_BOXES = (b"ftyp", b"styp", b"moov", b"moof", b"mdat", b"free", b"skip", b"wide", b"pnot")
FLV_TAGS = (8, 9, 18)  # sound, video, data
# Nothing in an Ogg page is longer.
OGG_PAGE_BYTES = 27 + 255 + 255 * 255
# Some writers count the header of the file as part of its content.
RIFF_SLACK_BYTES = 8
HEAD_BYTES = 400


class Unknown(Exception):
    """The structure of a file does not say where it ends."""


class FileBytes:
    """The bytes of a video at any place. Those that have not been fetched from a server count as unknown.

    Attributes:
        size: Size of the file in bytes.
    """

    def __init__(self, source: VideoSource):
        self._source = source
        opened = source.open()
        self._file = open(opened, "rb") if isinstance(opened, str) else opened
        self.size = self._file.seek(0, os.SEEK_END) or self._file.tell()

    def close(self) -> None:
        self._file.close()

    def read(self, start: int, count: int) -> bytes:
        """Returns `count` bytes, fewer at the end of the file."""
        self._source.guard.check_time()
        if not self._source.has_fetched(start, min(start + count, self.size)):
            raise Unknown
        self._file.seek(start)
        return self._file.read(count)

    def number(self, start: int, count: int, order: str = "big") -> int:
        """Returns an unsigned integer of `count` bytes."""
        data = self.read(start, count)
        if len(data) < count:
            raise Unknown
        return int.from_bytes(data, order)  # type: ignore[arg-type]


def describe_cut(source: VideoSource, index: FrameIndex) -> str | None:
    """Says how much of a video that was cut off can be read; None if the file is whole or its structure does not tell.

    Nothing is fetched from a server for this.
    """
    num_frames = len(index.frame_pts)
    if source.is_mended:
        return _count(num_frames)
    if index.num_promised > num_frames:
        num_missing = _samples_after_the_end(source)
        return f"{num_frames} of {num_frames + num_missing} frames can be read" if num_missing else None
    if index.is_cut or (index.num_promised != num_frames and is_cut(source)):
        return _count(num_frames)
    return None


def _count(num_frames: int) -> str:
    return "only the first frame can be read" if num_frames == 1 else f"the first {num_frames} frames can be read"


def is_cut(source: VideoSource) -> bool:
    """Whether the structure of a file goes on after its end."""
    with closing(FileBytes(source)) as data:
        try:
            head = data.read(0, HEAD_BYTES)
            checks = [check for is_of_format, check in CHECKS if is_of_format(head)]
            return bool(checks) and checks[0](data)
        except Unknown:
            return False


def _samples_after_the_end(source: VideoSource) -> int:
    """Returns how many of the samples in the table of an MP4 file lie behind the end of the file."""
    with closing(FileBytes(source)) as data:
        size = data.size
    with closing(VideoContainer(source)) as container:
        return sum(end > size for end in container.sample_ends())


# --- one function for each container: whether its structure goes on after the end of the file -----------------------


def _is_cut_mp4(data: FileBytes) -> bool:
    """The sizes of the boxes, of which fragmented files have many."""
    start, boxes = 0, set()
    while start + 8 <= data.size:
        size, name = data.number(start, 4), data.read(start + 4, 4)
        if size == 1:
            size = data.number(start + 8, 8)
        if size < 8:  # 0: to the end of the file
            return False
        if start + size > data.size:
            return name in (b"mdat", b"moof", b"moov")
        boxes.add(name)
        start += size
    return False


def _is_cut_matroska(data: FileBytes) -> bool:
    """The size of the segment, whose bits are all set in live recordings."""
    start, size = _element(data, 0)
    start += size
    if data.read(start, 4) != MATROSKA_SEGMENT:
        raise Unknown
    start, size = _element(data, start)
    return start + size > data.size


def _element(data: FileBytes, start: int) -> tuple[int, int]:
    """Returns where the content of an EBML element with a name of four bytes starts, and its size."""
    first = data.number(start + 4, 1)
    if first == 0:
        raise Unknown
    num_bytes = 9 - first.bit_length()
    bits = 7 * num_bytes
    size = data.number(start + 4, num_bytes) & (1 << bits) - 1
    if size == (1 << bits) - 1:
        raise Unknown
    return start + 4 + num_bytes, size


def _is_cut_avi(data: FileBytes) -> bool:
    """The size of the list with the frames in the last RIFF chunk; large files have several of these."""
    start = 0
    while data.read(start, 4) == b"RIFF":
        size = data.number(start + 4, 4, "little")
        if size in (0, 2**32 - 1):  # never filled in
            return False
        if start + 8 + size > data.size + RIFF_SLACK_BYTES:
            return _are_frames_cut(data, start + 12)
        start += 8 + size + size % 2
    return False


def _are_frames_cut(data: FileBytes, start: int) -> bool:
    """Whether the list `movi` among the chunks from `start` on goes on after the end of the file."""
    while start + 12 <= data.size:
        size = data.number(start + 4, 4, "little")
        if data.read(start, 4) == b"LIST" and data.read(start + 8, 4) == b"movi":
            return size > 4 and start + 8 + size > data.size
        start += 8 + size + size % 2
    return True


def _is_cut_flash(data: FileBytes) -> bool:
    """Each tag is followed by its size. Where the last size is wrong, the tags are followed from the first one on."""
    size = data.number(data.size - 4, 4)
    start = data.size - 4 - size
    if 11 <= size < data.size and _is_flash_tag(data, start) and data.number(start + 1, 3) == size - 11:
        return False
    start = data.number(5, 4) + 4
    while start < data.size:
        if not _is_flash_tag(data, start):
            raise Unknown
        if start + 11 > data.size:  # inside of the header of a tag
            return True
        start += 11 + data.number(start + 1, 3) + 4
    return start not in (data.size, data.size + 4)  # some writers leave out the last size


def _is_flash_tag(data: FileBytes, start: int) -> bool:
    return data.number(start, 1) & 0x1F in FLV_TAGS


def _is_cut_asf(data: FileBytes) -> bool:
    """The size of the object with the packets, which is 0 in live recordings."""
    start = data.number(16, 8, "little")
    if data.read(start, 16) != ASF_DATA:
        raise Unknown
    return start + data.number(start + 16, 8, "little") > data.size


def _is_cut_ogg(data: FileBytes) -> bool:
    """The size of the last page. A mark for the last page of a stream is missing in many whole files."""
    start = max(data.size - OGG_PAGE_BYTES - 4, 0)
    tail = data.read(start, data.size - start)
    page = tail.rfind(b"OggS\0")
    if page < 0 or start + page + 27 > data.size:
        return page >= 0
    sizes = tail[page + 27 : page + 27 + tail[page + 26]]
    return len(sizes) < tail[page + 26] or page + 27 + len(sizes) + sum(sizes) > len(tail)


def _is_cut_ivf(data: FileBytes) -> bool:
    """Each frame follows its size and its time."""
    start = data.number(6, 2, "little")
    while start + 12 <= data.size:
        start += 12 + data.number(start, 4, "little")
    return start != data.size


def _is_cut_transport_stream(packet_bytes: int, sync: int) -> Callable[[FileBytes], bool]:
    """Whether the last packet is shorter than the others; `sync` is the place of its first mark."""

    def check(data: FileBytes) -> bool:
        start = data.size - data.size % packet_bytes
        return start + sync < data.size and data.read(start + sync, 1) == b"G"

    return check


def _has_sync(head: bytes, packet_bytes: int, sync: int) -> bool:
    places = head[sync::packet_bytes][:2]
    return len(places) == 2 and set(places) == {0x47}


# Which files a check is for, by their first bytes. Animations have been made whole before (see reader_cut_animation).
CHECKS: list[tuple[Callable[[bytes], bool], Callable[[FileBytes], bool]]] = [
    (lambda head: head[4:8] in MP4_FIRST_BOXES, _is_cut_mp4),
    (lambda head: head[:4] == MATROSKA_HEADER, _is_cut_matroska),
    (lambda head: head[:4] == b"RIFF" and head[8:12] == b"AVI ", _is_cut_avi),
    (lambda head: head[:3] == b"FLV", _is_cut_flash),
    (lambda head: head[:16] == ASF_HEADER, _is_cut_asf),
    (lambda head: head[:4] == b"OggS", _is_cut_ogg),
    (lambda head: head[:4] == b"DKIF", _is_cut_ivf),
    (lambda head: _has_sync(head, 188, 0), _is_cut_transport_stream(188, 0)),
    (lambda head: _has_sync(head, 192, 4), _is_cut_transport_stream(192, 4)),
]
