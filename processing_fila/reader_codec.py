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
"""A codec of PyAV within the limits of a reader."""

from typing import Any

from .reader_limits import ReadingGuard
from .reader_source import av


class GuardedCodec:
    """A codec of PyAV whose frames are checked. A frame that is far too large is never allocated.

    Attributes:
        name: FFmpeg's name of the codec.
        extradata: The codec's configuration as the file has it.
    """

    def __init__(self, codec: Any, guard: ReadingGuard, *, is_animation: bool):
        self._codec = codec
        self._guard = guard
        self._is_animation = is_animation
        self._num_pixels = 0
        self.name: str = codec.name
        self.extradata: bytes | None = codec.extradata
        codec.options = {**codec.options, "max_pixels": str(guard.codec_max_pixels)}

    def decode(self, packet: Any) -> list[Any]:
        """Decodes a packet, or what is left in the codec if it is None.

        Raises:
            av.FFmpegError: If the packet is damaged.
            VideoReadError: If a limit is passed.
        """
        self._guard.check_time()
        had_size = self._codec.width > 0
        try:
            frames = self._codec.decode(packet)
        except av.FFmpegError:
            # Where a picture passes the limit, some codecs keep its size, and others forget it.
            self._guard.check_picture(self._codec.height, self._codec.width)
            if had_size and self._codec.width == 0:
                self._guard.refuse_unknown_picture()
            raise
        for frame in frames:
            self._guard.check_picture(frame.height, frame.width)
            self._num_pixels += frame.height * frame.width
        self._guard.check_work(self._num_pixels, is_animation=self._is_animation)
        return frames

    def skip_unreferenced(self, is_skipped: bool) -> None:
        """Says whether the next pictures need not be decoded if no other picture is predicted from them."""
        self._codec.skip_frame = "NONREF" if is_skipped else "DEFAULT"

    def flush_buffers(self) -> None:
        """Forgets what was decoded, before decoding starts elsewhere."""
        self._codec.flush_buffers()
