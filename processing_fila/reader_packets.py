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
"""Any packet of a video by its number, read from one container by all decoders in turns.

An open container holds a table of its packets, some 5 MiB for an hour of MP4, so one container has to be enough.
"""

import threading
from collections import deque
from collections.abc import Iterator
from itertools import chain
from typing import Any

from .reader_container import VideoContainer
from .reader_index import PacketIndex
from .reader_source import VideoSource, av


# Reading past this number of packets costs no more than a seek.
READ_ON_PACKETS = 16
# What a decoder takes at once. This is nearly always a whole group of pictures, so the next reader may seek elsewhere.
BATCH_BYTES = 4 * 2**20


class PacketReader:
    """Gives packets to any number of threads. The container's own codec must not be used: a seek flushes it."""

    def __init__(self, source: VideoSource, index: PacketIndex):
        self._source = source
        self.keys = index.keys
        self._mended_pts = index.mended_pts
        self._lock = threading.Lock()
        self._is_stopped = False
        # Opened by the first thread that reads, whose malloc arena has room for the table (see reader_probe).
        self._container: VideoContainer | None = None
        self._packets: Iterator[Any] = iter(())
        self._position = 0  # the packet that is read next

    def stop(self) -> None:
        """Gives no more packets to any thread."""
        self._is_stopped = True

    def close(self) -> None:
        if self._container is not None:
            self._container.close()

    def read(self, start: int, stop: int) -> "deque[tuple[int, av.Packet]]":
        """Reads the first of packets `[start, stop)`, some or all of them.

        Returns:
            Pairs of a packet's number and the packet. Empty if there are no such packets.
        """
        batch: deque[tuple[int, av.Packet]] = deque()
        num_bytes = 0
        with self._lock:
            container = self._container or self._open()
            self._go_to(container, start)
            while start <= self._position < stop and num_bytes < BATCH_BYTES and (packet := self._next()):
                number = self._position - 1
                if number in self._mended_pts:
                    packet.pts = self._mended_pts[number]
                batch.append((number, packet))
                num_bytes += packet.size
        return batch

    def _open(self) -> VideoContainer:
        self._container = VideoContainer(self._source)
        self._packets = self._container.packets()
        self._position = 0
        return self._container

    def _next(self) -> "av.Packet | None":
        packet = None if self._is_stopped else next(self._packets, None)
        self._position += packet is not None
        return packet

    def _go_to(self, container: VideoContainer, start: int) -> None:
        """Makes packet `start` the next one, by reading on, by seeking, or from the start of the file."""
        if not 0 <= start - self._position <= READ_ON_PACKETS:
            self._seek(container, start)
        while self._position < start and self._next():
            pass

    def _seek(self, container: VideoContainer, start: int) -> None:
        """Goes to packet `start` or before it. Formats round differently, so the result of a seek is checked."""
        key = self.keys.last_up_to(start)
        for packet in (key, self.keys.last_before(key)):
            if self._seek_key(container, packet) and self._position <= start:
                return
        if not self._is_stopped:
            self.close()
            self._open()

    def _seek_key(self, container: VideoContainer, key: int) -> bool:
        """Seeks to the time of key packet `key`, and learns from the next key packet where that led.

        Returns:
            Whether the position is known afterwards.
        """
        try:
            container.seek(self.keys.pts_of(key))
        except av.FFmpegError:
            return False
        packets = container.packets()
        for packet in packets:
            if self._is_stopped:
                return False
            position = (
                self.keys.find(packet.pts, -1 if packet.pos is None else packet.pos) if packet.is_keyframe else None
            )
            if position is not None:
                self._packets, self._position = chain([packet], packets), position
                return True
        return False
