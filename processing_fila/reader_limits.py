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
"""Limits on what reading a file may cost, whatever the file claims."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from .reader_errors import VideoReadError


DEFAULT_MAX_PIXELS = 2**26  # 8192 x 8192, twice the pixels of 8K video
DEFAULT_MAX_SECONDS = 3600.0
# Frames that may be kept in memory at their own size, each of `max_pixels`.
MAX_KEPT_FRAMES = 64
# One decoder may decode 16 frames of `max_pixels`, and so many pixels for each byte of the file. Even video of a still
# picture has fewer pixels for each byte.
FREE_FRAMES, VIDEO_PIXELS_PER_BYTE, ANIMATION_PIXELS_PER_BYTE = 16, 2**18, 2**16
# Codecs round sizes up, so the limit inside FFmpeg is higher. It counts where a frame is larger than was announced.
CODEC_HEADROOM = 1.25


@dataclass(frozen=True)
class ReadLimits:
    """Limits that a caller can set. `VideoReader` explains the fields.

    Raises:
        ValueError: If a limit is not positive.
    """

    max_pixels: int = DEFAULT_MAX_PIXELS
    max_seconds: float = DEFAULT_MAX_SECONDS

    def __post_init__(self):
        for name in ("max_pixels", "max_seconds"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be positive, got {getattr(self, name)}.")


class ReadingGuard:
    """Raises a VideoReadError where reading a video passes a limit. Any number of threads may use it.

    Its clock runs inside `working`, that is, while a caller waits for the reader.

    Args:
        limits: The limits of the caller.
        name: What messages call the video.
        num_bytes: Size of the file in bytes.
    """

    def __init__(self, limits: ReadLimits, name: str, num_bytes: int):
        self._limits = limits
        self._name = name
        self._num_bytes = num_bytes
        self._lock = threading.Lock()
        self._num_working = 0
        self._started = self._seconds = 0.0

    @contextmanager
    def working(self) -> Iterator[None]:
        """Lets the clock run."""
        self._count(+1)
        try:
            yield
        finally:
            self._count(-1)

    @contextmanager
    def resting(self) -> Iterator[None]:
        """Stops the clock inside `working`, while the caller has a frame."""
        self._count(-1)
        try:
            yield
        finally:
            self._count(+1)

    def _count(self, change: int) -> None:
        with self._lock:
            now = time.monotonic()
            if self._num_working:
                self._seconds += now - self._started
            self._started = now
            self._num_working += change

    def seconds_left(self) -> float:
        """Returns how long the video may still be read."""
        with self._lock:
            running = time.monotonic() - self._started if self._num_working else 0.0
            return self._limits.max_seconds - self._seconds - running

    def check_time(self) -> None:
        """Checks how long the video has been read."""
        if self.seconds_left() < 0:
            raise VideoReadError(
                f"{self._name}: reading takes longer than max_seconds={self._limits.max_seconds}: ask for fewer "
                "frames, or raise max_seconds if you trust the file."
            )

    def check_picture(self, height: int, width: int) -> None:
        """Checks the size of one picture in pixels."""
        if height * width > self._limits.max_pixels:
            self._refuse_picture(f"a picture of {height} x {width} = {height * width} pixels (height x width)")

    def refuse_unknown_picture(self) -> None:
        """Refuses a picture of which FFmpeg says only that it is too large."""
        self._refuse_picture(f"a picture of more than {self.codec_max_pixels} pixels")

    def _refuse_picture(self, found: str) -> None:
        raise VideoReadError(
            f"{self._name} has {found}, more than max_pixels={self._limits.max_pixels}: raise max_pixels if you trust "
            "the file and have the memory."
        )

    def check_kept(self, num_frames: int, height: int, width: int) -> None:
        """Checks how many frames are to be kept in memory at their own size."""
        limit = MAX_KEPT_FRAMES * self._limits.max_pixels
        if num_frames * height * width > limit:
            raise VideoReadError(
                f"{self._name}: {num_frames} frames of {height} x {width} pixels are {num_frames * height * width} "
                f"pixels in memory, more than {MAX_KEPT_FRAMES} * max_pixels = {limit}: give a size, ask for fewer "
                "frames, read them one by one with frames_at, or raise max_pixels."
            )

    def check_work(self, num_pixels: int, *, is_animation: bool) -> None:
        """Checks how many pixels of a video or an animated image are decoded in one go against the size of the file."""
        per_byte = ANIMATION_PIXELS_PER_BYTE if is_animation else VIDEO_PIXELS_PER_BYTE
        limit = FREE_FRAMES * self._limits.max_pixels + per_byte * self._num_bytes
        if num_pixels > limit:
            raise VideoReadError(
                f"{self._name}: {num_pixels} pixels would have to be decoded from a file of {self._num_bytes} bytes, "
                f"more than {FREE_FRAMES} * max_pixels + {per_byte} for each byte = {limit}: ask for earlier "
                "frames alone, or raise max_pixels if you trust the file."
            )

    @property
    def codec_max_pixels(self) -> int:
        """The limit that FFmpeg checks before it allocates a picture."""
        return min(int(self._limits.max_pixels * CODEC_HEADROOM) + 2**16, 2**31 - 1)
