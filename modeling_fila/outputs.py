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
"""What the model returns.

Shape letters: V videos, S scenes, K frames per scene, L visual tokens of a video or image, C width of the language
model.
"""

from dataclasses import dataclass

import torch
from transformers.modeling_outputs import (
    BaseModelOutputWithPast,
    BaseModelOutputWithPooling,
    CausalLMOutputWithPast,
)


@dataclass
class FilaVideoFeatures(BaseModelOutputWithPooling):
    """
    What the language model reads of a batch of videos, and the frames it comes from.

    Args:
        pooler_output (`list[torch.Tensor]` of length V, each of shape `(L, C)`):
            What replaces the placeholders of each video, in order: its visual tokens and, when `frame_time_ids` is
            given, the embedded times of its scenes.
        scene_frame_indices (`torch.LongTensor` of shape `(V, S, K)`):
            For each scene, the indices of the sampled frames that it was merged from, in time order. -1 where a video
            has fewer scenes than the longest one.
        scene_representatives (`torch.LongTensor` of shape `(V, S)`):
            For each scene, the frame nearest to the center of its cluster. -1 where a video has fewer scenes.
        scene_time_ids (`torch.LongTensor` of shape `(V, S, digits)`, returned when `frame_time_ids` is given):
            The token ids of the time of each representative.
        times_are_interleaved (`torch.BoolTensor` of shape `(V,)`, returned with `scene_time_ids`):
            Whether each time stands before the visual tokens of its scene.
    """

    # One tensor for each video, because the number of visual tokens differs.
    pooler_output: list[torch.Tensor] | None = None  # type: ignore[assignment]
    scene_frame_indices: torch.Tensor | None = None
    scene_representatives: torch.Tensor | None = None
    scene_time_ids: torch.Tensor | None = None
    times_are_interleaved: torch.Tensor | None = None


@dataclass
class FilaImageFeatures(BaseModelOutputWithPooling):
    """
    What the language model reads of images.

    Args:
        pooler_output (`list[torch.Tensor]`, one for each image, each of shape `(L, C)`):
            The visual tokens that replace the placeholders of each image.
    """

    # One tensor for each image, because the number of visual tokens differs.
    pooler_output: list[torch.Tensor] | None = None  # type: ignore[assignment]


@dataclass
class FilaVideoModelOutputWithPast(BaseModelOutputWithPast):
    """
    The [`BaseModelOutputWithPast`] of the language model, with `scene_frame_indices` and `scene_representatives` of the
    videos in this forward pass (see [`FilaVideoFeatures`]).
    """

    scene_frame_indices: torch.Tensor | None = None
    scene_representatives: torch.Tensor | None = None


@dataclass
class FilaVideoCausalLMOutputWithPast(CausalLMOutputWithPast):
    """
    The [`CausalLMOutputWithPast`] of [`FilaVideoForConditionalGeneration`], with `scene_frame_indices` and
    `scene_representatives` of the videos in this forward pass (see [`FilaVideoFeatures`]).
    """

    scene_frame_indices: torch.Tensor | None = None
    scene_representatives: torch.Tensor | None = None
