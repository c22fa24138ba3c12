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
"""Animated WebP, decoded by Pillow, because FFmpeg decodes the pictures but not the animations."""

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import numpy as np

from .reader_errors import VideoReadError
from .reader_index import Segment
from .reader_source import VideoSource, av


# Browsers show a picture with a shorter delay for the default one.
SHORTEST_MILLISECONDS, DEFAULT_MILLISECONDS = 10, 100


class AnimationDecoder:
    """The counterpart of `CountingDecoder` for an image of several pictures. Times are in milliseconds."""

    time_base = Fraction(1, 1000)
    sample_aspect_ratio = None
    nominal_ticks = 0.0
    num_damaged = 0

    def __init__(self, source: VideoSource):
        self._guard = source.guard
        self._num_pixels = 0
        self._image = _open_image(source)
        self._num_pictures = getattr(self._image, "n_frames", 1)
        self._is_stopped = False

    def stop(self) -> None:
        """Ends the frames soon; called from another thread."""
        self._is_stopped = True

    def close(self) -> None:
        self._image.close()

    def frames(self, segment: Segment) -> Iterator[tuple[int, "av.VideoFrame"]]:
        """Yields the wanted frames with their indices, up to a damaged one."""
        for frame_index in segment.frames.tolist():
            if self._is_stopped or (frame := self._whole_picture(frame_index)) is None:
                return
            yield frame_index, frame

    def all_frames(self, offsets: np.ndarray | None = None) -> Iterator["av.VideoFrame"]:
        """Yields every frame up to the first damaged one, which the frames after it need."""
        num_pixels = self._num_pictures * self._image.width * self._image.height
        self._guard.check_work(num_pixels, is_animation=True)
        end = 0
        for frame_index in range(self._num_pictures):
            if (frame := self._whole_picture(frame_index)) is None:
                return
            frame.pts = end
            end += frame.duration
            yield frame

    def _whole_picture(self, frame_index: int) -> "av.VideoFrame | None":
        """Returns a picture, or None if it is damaged."""
        try:
            return self._picture(frame_index)
        except VideoReadError:  # a limit is passed
            raise
        except (OSError, EOFError, SyntaxError, ValueError):  # what Pillow raises
            return None

    def _picture(self, frame_index: int) -> "av.VideoFrame":
        self._guard.check_time()
        self._num_pixels += self._image.width * self._image.height
        self._guard.check_work(self._num_pixels, is_animation=True)
        self._image.seek(frame_index)
        frame = av.VideoFrame.from_ndarray(np.asarray(self._image.convert("RGBA")), format="rgba")
        duration = self._image.info.get("duration", 0)
        frame.duration = duration if duration > SHORTEST_MILLISECONDS else DEFAULT_MILLISECONDS
        return frame


def _open_image(source: VideoSource) -> Any:
    """Opens the image with the class for WebP itself, because `Image.open` has a limit of its own for pixels."""
    from PIL.WebPImagePlugin import WebPImageFile  # only WebP needs it

    source.guard.check_picture(*_declared_size(source.head))
    file: Any = source.open()
    try:
        return WebPImageFile(file)
    except (OSError, SyntaxError, ValueError, EOFError) as error:
        raise VideoReadError(f"{source.name} is not a readable WebP image: {error}") from error


def _declared_size(head: bytes) -> tuple[int, int]:
    """Returns height and width in the first bytes of a WebP image (RFC 9649); 0 if there are none."""
    kind, data = head[12:16], head[20:].ljust(10, b"\0")
    if kind == b"VP8X":
        return int.from_bytes(data[7:10], "little") + 1, int.from_bytes(data[4:7], "little") + 1
    if kind == b"VP8L":
        bits = int.from_bytes(data[1:5], "little")
        return (bits >> 14 & 0x3FFF) + 1, (bits & 0x3FFF) + 1
    if kind == b"VP8 ":
        return int.from_bytes(data[8:10], "little") & 0x3FFF, int.from_bytes(data[6:8], "little") & 0x3FFF
    return 0, 0
