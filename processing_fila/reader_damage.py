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
"""Finding the frames that are not affected by a damaged packet.

A decoder patches damage up and goes on, so its pictures are partly invented until the next key frame. It returns frames
in the order in which they are shown. The picture that a frame was predicted from may therefore turn out to be damaged
after the frame itself has been returned.
"""

import math
from collections import deque
from typing import Any


# No codec keeps more pictures than this waiting to be shown.
MAX_HELD_FRAMES = 16
# Codecs whose packets are never all zeros. In uncompressed video, zeros are black, and in others "nothing has changed".
CODECS_WITHOUT_ZEROS = (
    *("mjpeg", "prores", "dnxhd", "ffv1", "h264", "hevc", "vp8", "libvpx", "vp9", "libvpx-vp9", "av1", "libdav1d"),
    *("mpeg1video", "mpeg2video", "mpeg4", "h263", "vc1"),
)
# Some cameras fill JPEG pictures up with zeros, to the end of a sector.
MAX_JPEG_PADDING = 1024
JPEG_END = b"\xff\xd9"


def is_zero_filled(codec_name: str, packet: memoryview) -> bool:
    """Whether a packet lost its content, as in a download that broke off. Some decoders make a picture of it anyway.

    Args:
        codec_name: FFmpeg's name of the decoder.
        packet: The bytes of the packet, at least one.
    """
    if packet[-1] or codec_name not in CODECS_WITHOUT_ZEROS:
        return False
    content = bytes(packet).rstrip(b"\0")
    if codec_name == "mjpeg" and not content.endswith(JPEG_END):
        return len(packet) - len(content) >= min(MAX_JPEG_PADDING, len(packet) // 2)
    return not content


class DamageFilter:
    """Holds decoded frames back until everything that was decoded before them has come out, whole or not.

    Packets are identified by their number in the file. Packets that follow the first one in the file and precede it in
    time (an open GOP) cannot be decoded from there, which harms no other frame.

    Args:
        start_packet: Number of the packet at which decoding starts.
        start_pts: Presentation time of the packet at which decoding starts.
        decoder_delay: Largest number of further packets after which the decoder reports an error.
    """

    def __init__(self, start_packet: int, start_pts: int, decoder_delay: int):
        self.start_packet = start_packet
        self.start_pts = start_pts
        self._last_pts = start_pts
        self._decoder_delay = decoder_delay
        self._awaited: dict[int, int] = {}  # time of a frame that may still come -> its packet, in packet order
        self._first_damaged = math.inf
        self._held: deque[tuple[int, Any]] = deque()

    def sent(self, packet: int, pts: int, is_damaged: bool) -> None:
        """Notes that a packet is given to the decoder."""
        if pts >= self.start_pts:
            self._awaited[pts] = packet
            if is_damaged:
                self._note_damage(packet)

    def failed(self, packet: int, pts: int) -> None:
        """Notes that the decoder reports an error when it is given this packet."""
        if pts >= self.start_pts:
            del self._awaited[pts]
            self._note_damage(packet - self._decoder_delay)

    def came(self, pts: int, is_corrupt: bool, frame: Any | None) -> None:
        """Notes that the decoder returns a frame, after which no earlier frame can come.

        Args:
            pts: Presentation time of the frame.
            is_corrupt: Whether the decoder calls the frame damaged.
            frame: What `release` returns for it; None if it is not wanted.
        """
        self._last_pts = pts
        packet = self._awaited.get(pts)
        if packet is None:
            return
        self._awaited = {time: other for time, other in self._awaited.items() if time > pts}
        if is_corrupt:
            self._note_damage(packet)
        if frame is not None:
            self._held.append((packet, frame))

    @property
    def is_damaged(self) -> bool:
        """Whether damage was noted."""
        return self._first_damaged < math.inf

    def is_too_early(self, pts: int) -> bool:
        """Whether a frame that comes now should have come before the last one."""
        return self.start_pts <= pts < self._last_pts

    def release(self, at_end: bool = False) -> list:
        """Returns the held frames that are known to be whole, in the order in which they came."""
        first_awaited = math.inf if at_end else next(iter(self._awaited.values()), math.inf)
        released = []
        while self._held and (self._held[0][0] < first_awaited or len(self._held) > MAX_HELD_FRAMES):
            packet, frame = self._held.popleft()
            if packet < self._first_damaged:
                released.append(frame)
        return released

    def _note_damage(self, packet: int) -> None:
        self._first_damaged = min(self._first_damaged, packet)
