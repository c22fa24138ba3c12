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
"""The scenes that a model looked at, in seconds. Shape letters: V videos, S scenes, K frames per scene."""

from collections.abc import Iterable
from typing import Any

from .video_metadata import FilaVideoMetadata


def describe_scenes(features: Any, video_metadata: list[FilaVideoMetadata]) -> list[list[dict[str, Any]]]:
    """
    Describes the scenes of each video.

    Args:
        features: An output with `scene_frame_indices` `(V, S, K)` and `scene_representatives` `(V, S)`, which are -1
            where a video has fewer scenes than another.
        video_metadata: Metadata of the V videos.

    Returns:
        For each video a list of dicts, in time order. See [`FilaVideoProcessor.post_process_scenes`].
    """
    representatives, scenes = features.scene_representatives.tolist(), features.scene_frame_indices.tolist()
    return [
        [_describe(first, frames, metadata) for first, frames in zip(firsts, frames_of, strict=True) if first >= 0]
        for firsts, frames_of, metadata in zip(representatives, scenes, video_metadata, strict=True)
    ]


def _describe(representative: int, frames: Iterable[int], metadata: FilaVideoMetadata) -> dict[str, Any]:
    if not metadata.has_timestamps:
        indices = metadata.frames_indices
        return {"representative_frame": indices[representative], "frames": [indices[frame] for frame in frames]}
    seconds = metadata.timestamps
    return {"representative_seconds": seconds[representative], "frame_seconds": [seconds[frame] for frame in frames]}
