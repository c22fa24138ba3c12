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
        self._image = _open_image(source)
        self._num_pictures = getattr(self._image, "n_frames", 1)
        self._is_stopped = False

    def stop(self) -> None:
        """Ends the frames soon; called from another thread."""
        self._is_stopped = True

    def close(self) -> None:
        self._image.close()

    def frames(self, segment: Segment) -> Iterator[tuple[int, "av.VideoFrame"]]:
        """Yields the wanted frames with their indices."""
        for frame_index in segment.frames.tolist():
            if self._is_stopped:
                return
            yield frame_index, self._picture(frame_index)

    def all_frames(self, offsets: np.ndarray | None = None) -> Iterator["av.VideoFrame"]:
        """Yields every frame up to the first damaged one, which the frames after it need."""
        end = 0
        for frame_index in range(self._num_pictures):
            try:
                frame = self._picture(frame_index)
            except (OSError, EOFError, SyntaxError):  # what Pillow raises for a damaged picture
                return
            frame.pts = end
            end += frame.duration
            yield frame

    def _picture(self, frame_index: int) -> "av.VideoFrame":
        self._image.seek(frame_index)
        frame = av.VideoFrame.from_ndarray(np.asarray(self._image.convert("RGBA")), format="rgba")
        duration = self._image.info.get("duration", 0)
        frame.duration = duration if duration > SHORTEST_MILLISECONDS else DEFAULT_MILLISECONDS
        return frame


def _open_image(source: VideoSource) -> Any:
    from PIL import Image  # only WebP needs it

    file: Any = source.open()
    try:
        return Image.open(file)
    except (OSError, SyntaxError, ValueError) as error:
        raise VideoReadError(f"{source.name} is not a readable WebP image: {error}") from error
