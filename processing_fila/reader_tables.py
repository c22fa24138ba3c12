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
"""The sample tables of an MP4 file: how many samples they claim, and whether the file can hold them.

FFmpeg keeps some 40 bytes for each sample that the tables claim, and a table of a few bytes can claim 2^32 of them.
"""

import io
import zlib
from typing import Any

import numpy as np

from .reader_errors import VideoReadError
from .reader_source import VideoSource


# Boxes in which FFmpeg looks for other boxes.
CONTAINERS = (
    *(b"moov", b"cmov", b"mdia", b"minf", b"stbl", b"edts", b"dinf", b"mvex", b"udta", b"moof", b"traf"),
    *(b"wave", b"sinf", b"schi", b"ipro", b"iprp", b"tref", b"hoov", b"free"),
)
FREE_SAMPLES = 2**16  # so few are no harm, whatever the size of the file
MAX_DEPTH = 10
MAX_MOVIE_BYTES = 2**26  # of a compressed table
PIECE_BYTES = 2**20


def check_tables(source: VideoSource) -> None:
    """Checks the tables of a file with the structure of MP4, before FFmpeg reads them.

    Raises:
        VideoReadError: If a table claims more samples than the file can hold.
    """
    opened: Any = source.open()
    with open(opened, "rb") if isinstance(opened, str) else opened as file:
        num_bytes = file.seek(0, io.SEEK_END)
        _Tables(file, num_bytes, source).walk(0, num_bytes)


class _Tables:
    def __init__(self, file: Any, num_bytes: int, source: VideoSource):
        self._file = file
        self._source = source
        self._num_bytes = num_bytes
        self._num_in_fragments = 0
        self._handlers: set[bytes] = set()
        self._in_chunks: list[tuple[bytes, int]] = []

    def walk(self, place: int, end: int, depth: int = 0) -> None:
        """Looks at the boxes between two places of the file."""
        while place + 8 <= end and depth <= MAX_DEPTH:
            self._source.guard.check_time()
            head = self._read(place, 16)
            if len(head) < 8:
                return
            size, kind, start = int.from_bytes(head[:4], "big"), head[4:8], place + 8
            if size == 1 and len(head) == 16:
                size, start = int.from_bytes(head[8:], "big"), place + 16
            stop = min(place + size, end) if size else end
            if stop < start:
                return
            self._look_at(kind, start, stop, depth)
            place = stop

    def _look_at(self, kind: bytes, start: int, stop: int, depth: int) -> None:
        if kind == b"trak":
            self._look_at_track(start, stop, depth)
        elif kind in CONTAINERS:
            self.walk(start, stop, depth + 1)
        elif kind == b"meta":  # with or without four bytes of version and flags
            self.walk(start if self._integer(start) else start + 4, stop, depth + 1)
        elif kind == b"cmvd":
            self._look_inside_compressed(start, stop)
        elif kind in (b"stts", b"ctts"):
            self._check_runs(kind, start, stop)
        elif kind == b"stsz":
            size, count = self._integer(start + 4), self._integer(start + 8)
            if size == 1:
                self._in_chunks.append((kind, count))
            else:
                self._check(kind, count * max(size, 1))
        elif kind == b"stz2":
            self._check(kind, self._integer(start + 8))
        elif kind == b"hdlr":
            self._handlers.add(self._integer(start + 8).to_bytes(4, "big"))
        elif kind == b"trun":
            self._num_in_fragments += self._integer(start + 4)
            self._check(kind, self._num_in_fragments)

    def _look_at_track(self, start: int, stop: int, depth: int) -> None:
        """Looks at a track. Of sound with samples of equal duration or of one byte, FFmpeg keeps only the chunks."""
        self._handlers, self._in_chunks = set(), []
        self.walk(start, stop, depth + 1)
        if b"soun" not in self._handlers or b"vide" in self._handlers:
            for kind, claimed in self._in_chunks:
                self._check(kind, claimed)

    def _integer(self, place: int) -> int:
        return int.from_bytes(self._read(place, 4), "big")

    def _read(self, place: int, size: int) -> bytes:
        """Returns the bytes at a place, fewer only at the end of the file. A file object may give them in parts."""
        self._file.seek(place)
        data = self._file.read(size)
        while 0 < len(data) < size and (more := self._file.read(size - len(data))):
            data += more
        return data

    def _check_runs(self, kind: bytes, start: int, stop: int) -> None:
        """Checks a table of pairs (number of samples, value)."""
        num_runs = self._integer(start + 4)
        if num_runs == 1 and self._integer(start + 12) == 1:
            self._in_chunks.append((kind, self._integer(start + 8)))
            return
        place, total = start + 8, 0
        end = min(place + 8 * num_runs, stop)
        while place < end and len(data := self._read(place, min(end - place, PIECE_BYTES))) >= 8:
            pairs = np.frombuffer(data, ">u4", count=len(data) // 8 * 2)
            place, total = place + len(data), total + int(pairs[::2].sum(dtype=np.uint64))
        self._check(kind, total)

    def _look_inside_compressed(self, start: int, stop: int) -> None:
        """Looks at a movie box that is compressed: its size, and then its bytes."""
        packed = self._read(start + 4, max(stop - start - 4, 0))
        try:
            movie = zlib.decompressobj().decompress(packed, MAX_MOVIE_BYTES)
        except zlib.error:
            return  # FFmpeg refuses it as well
        inside = _Tables(io.BytesIO(movie), self._num_bytes, self._source)
        inside.walk(0, len(movie))

    def _check(self, kind: bytes, claimed: int) -> None:
        if claimed > self._num_bytes + FREE_SAMPLES:
            raise VideoReadError(
                f"{self._source.name} is not a readable video: its table {kind.decode()!r} claims {claimed} samples or "
                f"bytes, and the file has {self._num_bytes} bytes."
            )
