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
"""A video whose frames are in memory: the form in which videos travel from the reader to the model's inputs."""

from copy import copy, deepcopy
from typing import Any

import torch

from .reader_subtitles import SubtitleLine
from .video_metadata import FilaVideoMetadata


class LoadedVideo(torch.Tensor):
    """
    The sampled frames of a video, `(N, H, W, 3)` uint8 for files or as they were given, and what is known of them.

    It is a tensor because transformers hands on only tensors and arrays as videos in memory. If a call contains
    the same video several times, all of them share one metadata object. Later code uses this to recognize equal videos.

    Attributes:
        metadata: Where the frames are in the video, and when they are shown.
        time_ids: Token ids `(N, digits)` of the frames' times, for prompts with the times of scenes; else None.
        times_are_interleaved: Whether each scene's time stands before the scene's visual tokens, or all times stand
            after all visual tokens.
    """

    metadata: FilaVideoMetadata
    time_ids: torch.LongTensor | None = None
    times_are_interleaved: bool = False

    @staticmethod
    def of(frames: torch.Tensor, metadata: FilaVideoMetadata) -> "LoadedVideo":
        video = frames.as_subclass(LoadedVideo)
        video.metadata = metadata
        return video

    def with_times(self, time_ids: torch.LongTensor, *, are_interleaved: bool) -> "LoadedVideo":
        """The same video, sharing frames and metadata, with the token ids of its frames' times."""
        video = LoadedVideo.of(self.frames, self.metadata)
        video.time_ids, video.times_are_interleaved = time_ids, are_interleaved
        return video

    def with_subtitles(self, text: str, lines: list[SubtitleLine] | None = None) -> "LoadedVideo":
        """
        The same video, sharing its frames, with its subtitles in metadata of its own.

        Args:
            text: What the prompt says of them.
            lines: All of them, for a prompt that is written when the scenes are known.
        """
        metadata = copy(self.metadata)
        metadata.subtitle_text, metadata.subtitle_lines = text, lines
        return LoadedVideo.of(self.frames, metadata)

    @property
    def has_frames(self) -> bool:
        """Whether the frames are here, or only what is known of them."""
        return self.metadata.has_frames

    def without_frames(self) -> "LoadedVideo":
        """The same video without its frames, for a model that has encoded them before. It has metadata of its own."""
        metadata = copy(self.metadata)
        metadata.has_frames = False
        return LoadedVideo.of(torch.empty(len(metadata.frames_indices), 1, 1, 3, dtype=torch.uint8), metadata)

    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None) -> Any:
        """What is computed from the frames, such as a part of them, is an ordinary tensor."""
        result = super().__torch_function__(func, types, args, kwargs or {})
        is_derived = isinstance(result, LoadedVideo) and "metadata" not in vars(result)
        return result.as_subclass(torch.Tensor) if is_derived else result

    def __deepcopy__(self, memo: dict) -> "LoadedVideo":
        copy = LoadedVideo.of(deepcopy(self.frames, memo), deepcopy(self.metadata, memo))
        copy.time_ids, copy.times_are_interleaved = self.time_ids, self.times_are_interleaved
        return copy

    @property
    def frames(self) -> torch.Tensor:
        """The frames as an ordinary tensor; they share memory."""
        return self.as_subclass(torch.Tensor)
