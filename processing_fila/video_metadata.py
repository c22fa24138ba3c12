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
"""
What is known about a video whose frames are in memory: transformers' `VideoMetadata`, with presentation times.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from reprlib import repr as shorten
from typing import Any, cast

import numpy as np
from transformers.video_utils import VideoMetadata

from .reader import SampledVideo, VideoReader
from .reader_subtitles import SubtitleLine


@dataclass
class FilaVideoMetadata(VideoMetadata):
    """
    [`VideoMetadata`] whose `timestamps` are presentation times where they are known.

    Args:
        frame_seconds (`list[float]` of length N, *optional*):
            When each sampled frame is shown, in seconds from the start of the video. Without it, `timestamps` are
            `frames_indices / fps`, which is wrong for files with a variable frame rate.
    """

    frame_seconds: list[float] | None = None

    # Not fields, because users do not give them: a digest of frames and times, made with a `video_memory`, and whether
    # the frames were read. See `load_videos` in video_loading.py. And what the prompt says of the subtitles, or all of
    # them, for a prompt that is written when the scenes are known. See `write_subtitles` in video_subtitles.py.
    frames_digest = cast("str | None", None)
    has_frames = True
    subtitle_text = ""
    subtitle_lines = cast("list[SubtitleLine] | None", None)

    @property
    def timestamps(self) -> list[float]:
        """Times of the sampled frames, in seconds."""
        return self.frame_seconds if self.frame_seconds is not None else super().timestamps

    @property
    def has_timestamps(self) -> bool:
        return self.frame_seconds is not None or self.fps is not None

    @property
    def duration_seconds(self) -> float:
        """
        Length of the video.

        It is `duration` if that is known. Otherwise, if `frame_seconds` is known, it is the end of the last frame,
        which is assumed to last as long as the mean frame. Otherwise it is `total_num_frames / fps`.
        """
        if self.duration is not None:
            return self.duration
        if self.frame_seconds is not None:
            first, last = self.frame_seconds[0], self.frame_seconds[-1]
            return last + (last - first) / max(len(self.frame_seconds) - 1, 1)
        return self.total_num_frames / self.fps


def metadata_of_sample(sampled: SampledVideo) -> FilaVideoMetadata:
    """Makes the metadata of frames that our reader has sampled from a file."""
    return metadata_of_file(sampled, sampled.total_frames, sampled.frame_indices, sampled.seconds)


def metadata_of_file(
    facts: SampledVideo | VideoReader,
    total_frames: int,
    frame_indices: np.ndarray,
    seconds: Sequence[float] | np.ndarray,
) -> FilaVideoMetadata:
    """
    Makes the metadata of frames of a file.

    Args:
        facts: What is known of the file: rate, size and duration.
        total_frames: Number of frames of the file.
        frame_indices: Indices of the frames, `(N,)` int64.
        seconds: When each frame is shown, `(N,)`.
    """
    return FilaVideoMetadata(
        total_num_frames=total_frames,
        fps=facts.average_fps or None,
        width=facts.width,
        height=facts.height,
        duration=facts.duration_seconds,
        video_backend="pyav",
        frames_indices=frame_indices.tolist(),
        frame_seconds=np.asarray(seconds, dtype=np.float64).tolist(),
    )


def metadata_of_frames(given: Mapping[str, Any] | None, num_frames: int) -> FilaVideoMetadata:
    """
    Makes the metadata of a video that is given as frames. Fields that the user left out are filled in.

    Args:
        given: A [`VideoMetadata`] or a dict with any of its fields and `frame_seconds`; all may be left out.
        num_frames: Number of frames in memory.

    Raises:
        ValueError: If a key is unknown, if there is not one time or index for each frame in increasing order, if `fps`
            is not positive, or if `total_num_frames` does not fit the frames.
    """
    values = _known_values(given)
    for name in ("frames_indices", "frame_seconds"):
        if name in values:
            values[name] = _one_for_each_frame(name, values[name], num_frames)
    if "fps" in values and not 0 < values["fps"] < math.inf:
        raise ValueError(f"video_metadata['fps']={values['fps']} must be positive and finite.")
    if "frames_indices" not in values:
        total = values.setdefault("total_num_frames", num_frames)
        if total != num_frames and "frame_seconds" not in values:
            raise ValueError(
                f"video_metadata['total_num_frames']={total} but {num_frames} frames are given: say which ones they "
                "are with 'frames_indices', or when they are shown with 'frame_seconds'."
            )
        values["frames_indices"] = list(range(num_frames))
    metadata = FilaVideoMetadata(**{"total_num_frames": values["frames_indices"][-1] + 1, **values})
    if metadata.has_timestamps:
        metadata.duration = metadata.duration_seconds
    return metadata


def metadata_of_videos(given: Any, num_videos: int) -> list[Mapping[str, Any] | None]:
    """
    Returns one entry for each video. The user may give nothing, one entry for a single video, or a list, which may be
    nested like the videos.

    Raises:
        ValueError: If there is not one entry for each video.
    """
    if given is None:
        return [None] * num_videos
    entries = list(_flatten(given))
    if len(entries) != num_videos:
        raise ValueError(f"{num_videos} videos but {len(entries)} entries in video_metadata: give one for each video.")
    return entries


def _known_values(given: Mapping[str, Any] | None) -> dict[str, Any]:
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        raise ValueError(f"video_metadata is a dict or a VideoMetadata for each video, got {shorten(given)}.")
    unknown = set(given) - set(FilaVideoMetadata.__dataclass_fields__)
    if unknown:
        known = ", ".join(FilaVideoMetadata.__dataclass_fields__)
        raise ValueError(f"video_metadata has the unknown keys {sorted(unknown)}; it may hold {known}.")
    return {name: value for name, value in given.items() if value is not None}


def _one_for_each_frame(name: str, values: Sequence[float], num_frames: int) -> list[float]:
    array = np.asarray(values)
    if array.shape != (num_frames,):
        raise ValueError(f"video_metadata[{name!r}] has {len(values)} entries for {num_frames} frames.")
    if not (np.diff(array) >= 0).all():
        raise ValueError(f"video_metadata[{name!r}] must be in time order, got {array.tolist()}.")
    return array.tolist()


def _flatten(entries: Any):
    if isinstance(entries, Sequence) and not isinstance(entries, (str, bytes)):
        for entry in entries:
            yield from _flatten(entry)
    else:
        yield entries
