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
Videos in any form -> sampled frames in memory. Each video of a call is loaded once, however often it occurs.

Shape letters: N sampled frames, H and W height and width in pixels.
"""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from reprlib import repr as shorten
from typing import Any

import numpy as np
import torch

from .frame_sampling import sample_frame_indices
from .loaded_video import LoadedVideo
from .reader import VideoReader
from .video_input import GivenVideo, is_video_file
from .video_metadata import FilaVideoMetadata, metadata_of_frames, metadata_of_videos


@dataclass(frozen=True)
class LoadingOptions:
    """
    Which frames are taken from a video, and how.

    Attributes:
        num_frames: Number of frames to sample.
        fps: Frames per second to sample instead.
        max_frames: Largest number of frames ever taken from a video.
        takes_all: Take every frame; an error if there are more than `max_frames`.
        size: (height, width) to which frames are resized while they are decoded; None keeps their size.
        seek_mode: `"exact"` or `"keyframe"`, as in [`VideoReader.frames_at`].
        reader_options: Options of [`VideoReader`], for files.
    """

    num_frames: int | None
    fps: float | None
    max_frames: int
    takes_all: bool
    size: tuple[int, int] | None
    seek_mode: str
    reader_options: dict[str, Any] = field(default_factory=dict)

    @property
    def sampling(self) -> dict[str, Any]:
        """The arguments of [`sample_frame_indices`]."""
        return {"num_frames": self.num_frames, "fps": self.fps, "max_frames": self.max_frames}


def load_videos(videos: list[GivenVideo], video_metadata: Any, options: LoadingOptions) -> list[LoadedVideo]:
    """
    Reads and samples videos.

    Args:
        videos: What the user gave, one entry for each video.
        video_metadata: None, or what the user says about each video; only for videos given as frames.
        options: Which frames are taken.

    Returns:
        The loaded videos. The same path, URL, bytes or object with the same metadata gives the same object.

    Raises:
        ValueError: If the metadata do not fit the videos, or a video has more frames than may be taken.
        VideoReadError: If a file cannot be read.
    """
    loaded: dict[Hashable, LoadedVideo] = {}
    keys = []
    for video, given in zip(videos, metadata_of_videos(video_metadata, len(videos)), strict=True):
        keys.append((video.key, id(given)))
        if keys[-1] not in loaded:
            loaded[keys[-1]] = _load(video.content, given, options)
    return [loaded[key] for key in keys]


def _load(video: Any, given: Mapping[str, Any] | None, options: LoadingOptions) -> LoadedVideo:
    if isinstance(video, LoadedVideo):
        return video
    if not is_video_file(video):
        return _sample_frames(video, metadata_of_frames(given, len(video)), options)
    if given is not None:
        raise ValueError(
            f"video_metadata={shorten(given)} is given for a file, whose own times are read: leave it out."
        )
    return _read_file(video, options)


def _read_file(video: Any, options: LoadingOptions) -> LoadedVideo:
    with VideoReader(video, **options.reader_options) as reader:
        if options.takes_all:
            _check_number(reader.num_frames, options.max_frames)
        sampled = reader.sample(**options.sampling, size=options.size, seek_mode=options.seek_mode)
    metadata = FilaVideoMetadata(
        total_num_frames=sampled.total_frames,
        fps=sampled.average_fps or None,
        width=sampled.width,
        height=sampled.height,
        duration=sampled.duration_seconds,
        video_backend="pyav",
        frames_indices=sampled.frame_indices.tolist(),
        frame_seconds=sampled.seconds.tolist(),
    )
    return LoadedVideo.of(torch.from_numpy(sampled.frames), metadata)


def _sample_frames(frames: torch.Tensor, metadata: FilaVideoMetadata, options: LoadingOptions) -> LoadedVideo:
    if options.takes_all:
        _check_number(len(frames), options.max_frames)
        return LoadedVideo.of(frames, metadata)
    if options.fps is not None and not metadata.has_timestamps:
        raise ValueError(
            f"fps={options.fps} cannot be sampled from frames without times: give video_metadata with 'fps' or "
            "'frame_seconds', or use num_frames."
        )
    seconds = metadata.timestamps if metadata.has_timestamps else metadata.frames_indices
    chosen = sample_frame_indices(np.asarray(seconds, dtype=np.float64), **options.sampling)
    metadata.frames_indices = [metadata.frames_indices[index] for index in chosen]
    if metadata.frame_seconds is not None:
        metadata.frame_seconds = [metadata.frame_seconds[index] for index in chosen]
    return LoadedVideo.of(frames[torch.from_numpy(chosen)], metadata)


def _check_number(found: int, max_frames: int) -> None:
    if found > max_frames:
        raise ValueError(
            f"The video has {found} frames, more than max_frames={max_frames}, and do_sample_frames=False takes them "
            "all: sample with num_frames or fps, or raise max_frames."
        )
