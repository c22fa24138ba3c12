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
"""The sampled frames of a file one after the other, for a model that encodes them as they come.

Shape letters: H and W height and width in pixels.
"""

from collections.abc import Iterator
from contextlib import closing
from hashlib import blake2b
from typing import Any

import numpy as np

from .frame_sampling import frames_between, sample_frame_indices
from .reader import VideoReader
from .video_digests import DIGEST_BYTES, finish_digest
from .video_metadata import FilaVideoMetadata, metadata_of_file


class VideoStream:
    """
    Samples a file without holding its frames. Use it in a `with` block; it closes the file.

    ```python
    >>> with processor.video_processor.open_stream("lecture.mkv", fps=1, max_frames=3600) as stream:
    ...     features = model.encode_video(stream, stream.frames_at, num_frames=len(stream))
    >>> stream.metadata.frame_seconds
    ```

    Frames are decoded ahead in threads of the reader while the model works. Damaged frames are left out, with a warning
    at the end.

    Args:
        reader: The opened file.
        sampling: Arguments of `sample_frame_indices`; None takes every frame.
        window: Beginning and end of the part to sample, in seconds; None is that of the video.
        size: (height, width) in pixels to which frames are resized; None keeps their size.
        seek_mode: `"exact"` or `"keyframe"`, as in [`VideoReader.frames_at`].

    Raises:
        ValueError: If a value is out of range.
    """

    def __init__(
        self,
        reader: VideoReader,
        *,
        sampling: dict[str, Any] | None,
        window: tuple[float | None, float | None] = (None, None),
        size: tuple[int, int] | None = None,
        seek_mode: str = "exact",
    ):
        self._reader = reader
        self._size, self._seek_mode = size, seek_mode
        self._seconds: list[float] = []
        self._digest, self._shape = blake2b(digest_size=DIGEST_BYTES), (0, 0, 0)
        self._frame_indices = self._choose(sampling, window)

    def _choose(self, sampling: dict[str, Any] | None, window: tuple[float | None, float | None]) -> np.ndarray:
        """Returns the frames that [`VideoReader.sample`] would read."""
        times, duration = self._reader.frame_seconds, self._reader.duration_seconds
        inside = frames_between(times, *window, duration)
        if sampling is None:
            return inside
        end = duration if window == (None, None) else None  # as in a part alone
        return inside[sample_frame_indices(times[inside], duration_seconds=end, **sampling)]

    def __len__(self) -> int:
        """Number of frames that are asked for."""
        return len(self._frame_indices)

    def __iter__(self) -> Iterator[np.ndarray]:
        """Yields the frames, (H, W, 3) uint8."""
        self._seconds, self._digest = [], blake2b(digest_size=DIGEST_BYTES)
        frames = self._reader.frames_at(self._frame_indices, size=self._size, seek_mode=self._seek_mode)
        with closing(frames):  # type: ignore[type-var]  # a generator
            for frame, seconds in frames:
                self._seconds.append(seconds)
                self._shape = frame.shape
                self._digest.update(np.ascontiguousarray(frame).data)
                yield frame

    def frames_at(self, places: list[int]) -> Iterator[np.ndarray]:
        """Yields the frames at these increasing places of the stream once more."""
        # By time: a file whose list of frames turns out to be wrong while it is read gets new indices.
        frames = self._reader.frames_at(seconds=[self._seconds[place] for place in places], size=self._size)
        with closing(frames):  # type: ignore[type-var]  # a generator
            for frame, _ in frames:
                yield frame

    @property
    def metadata(self) -> FilaVideoMetadata:
        """What is known of the frames that were read."""
        reader = self._reader
        indices = np.searchsorted(reader.frame_seconds, np.asarray(self._seconds) - 1e-9)
        return metadata_of_file(reader, reader.num_frames, indices, self._seconds)

    @property
    def frames_digest(self) -> str:
        """The digest of all frames and their times, as `digest_of_frames` makes it, once they have been read."""
        return finish_digest(self._digest.copy(), "torch.uint8", (len(self._seconds), *self._shape), self.metadata)

    def close(self) -> None:
        """Closes the file."""
        self._reader.close()

    def __enter__(self) -> "VideoStream":
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()
