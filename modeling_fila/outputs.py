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
What the model returns. Shape letters: V videos, S scenes, K frames per scene, B prompts, T tokens of a prompt, L visual
tokens of an image or video, C width of the language model.
"""

from dataclasses import dataclass, fields

import torch
from transformers.modeling_outputs import (
    BaseModelOutputWithPast,
    BaseModelOutputWithPooling,
    CausalLMOutputWithPast,
)


# The language model's cache is an argument and an output of this name: `past_key_values` until transformers 5.23.
CACHE_NAME = "cache" if "cache" in {field.name for field in fields(BaseModelOutputWithPast)} else "past_key_values"


@dataclass
class FilaVideoFeatures(BaseModelOutputWithPooling):
    """
    What the language model sees of a batch of videos, and where it comes from.

    Args:
        pooler_output (`list[torch.Tensor]` of length V, each of shape `(L, C)`):
            The visual tokens that replace the placeholders of each video.
        scene_frame_indices (`torch.LongTensor` of shape `(V, S, K)`):
            For each scene the sampled frames it was merged from, in time order; -1 where a shorter video has fewer
            scenes.
        scene_representatives (`torch.LongTensor` of shape `(V, S)`):
            For each scene the frame nearest to its cluster's centre; -1 likewise.
        scene_time_ids (`torch.LongTensor` of shape `(V, S, digits)`, returned when `frame_time_ids` is given):
            The tokens of the time of each representative.
    """

    pooler_output: list[torch.Tensor] | None = None
    scene_frame_indices: torch.LongTensor | None = None
    scene_representatives: torch.LongTensor | None = None
    scene_time_ids: torch.LongTensor | None = None


@dataclass
class FilaImageFeatures(BaseModelOutputWithPooling):
    """
    What the language model sees of images.

    Args:
        pooler_output (`list[torch.Tensor]`, one for each image, each of shape `(L, C)`):
            The visual tokens that replace the placeholders of each image.
    """

    pooler_output: list[torch.Tensor] | None = None


@dataclass
class FilaVideoModelOutputWithPast(BaseModelOutputWithPast):
    """
    [`BaseModelOutputWithPast`] of the language model, with the scenes of the videos of this pass (see
    [`FilaVideoFeatures`]): `scene_frame_indices` and `scene_representatives`.
    """

    scene_frame_indices: torch.LongTensor | None = None
    scene_representatives: torch.LongTensor | None = None


@dataclass
class FilaVideoCausalLMOutputWithPast(CausalLMOutputWithPast):
    """
    [`CausalLMOutputWithPast`] of [`FilaVideoForConditionalGeneration`], with the scenes of the videos of this pass (see
    [`FilaVideoFeatures`]): `scene_frame_indices` and `scene_representatives`.
    """

    scene_frame_indices: torch.LongTensor | None = None
    scene_representatives: torch.LongTensor | None = None
