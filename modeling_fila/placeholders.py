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
Visual tokens and times in the place of what stands for them in a prompt.
Shape letters: B prompts, T tokens of a prompt, V videos, N frames, S scenes, C width of the language model.
"""

import torch
from transformers.utils import ModelOutput

from .outputs import FilaImageFeatures, FilaVideoFeatures


def times_of(representatives: torch.LongTensor, frame_time_ids: torch.LongTensor) -> torch.LongTensor:
    """The tokens of the times `(V, S, digits)` of the representatives `(V, S)`, from those of all frames."""
    num_videos, num_frames = frame_time_ids.shape[:2]
    if num_videos != len(representatives) or num_frames <= int(representatives.max()):
        raise ValueError(
            f"frame_time_ids of shape {tuple(frame_time_ids.shape)} do not fit the {len(representatives)} videos, "
            f"whose scenes reach to frame {int(representatives.max())}."
        )
    frame_time_ids = frame_time_ids.to(representatives.device)
    videos = torch.arange(len(representatives), device=representatives.device)[:, None]
    return frame_time_ids[videos, representatives.clamp(min=0)]


def with_scene_times(
    features: FilaVideoFeatures | None, frame_time_ids: torch.LongTensor | None
) -> FilaVideoFeatures | None:
    """Features with the times of their scenes, where these are known only now: the video was encoded before."""
    if features is None or frame_time_ids is None or features.scene_time_ids is not None:
        return features
    times = times_of(features.scene_representatives, frame_time_ids)
    return FilaVideoFeatures(**{**features, "scene_time_ids": times})


def check_given_once(modality: str, name: str, features: dict[str, ModelOutput]) -> None:
    if features.get(modality) is not None:
        raise ValueError(f"Give either {name} or mm_encoder_outputs[{modality!r}], not both.")


def replace_placeholders(
    inputs_embeds: torch.Tensor,
    mask: torch.BoolTensor,
    features: FilaVideoFeatures | FilaImageFeatures | None,
    modality: str,
) -> torch.Tensor:
    """
    Puts the visual tokens of all images, or of all videos, in the place of their placeholders, in order.

    Args:
        inputs_embeds (`torch.Tensor` of shape `(B, T, C)`): embedded prompts.
        mask (`torch.BoolTensor` of shape `(B, T)`): where the placeholders stand.
        features: what `get_image_features` or `get_video_features` gave, or `None`.
        modality: `"image"` or `"video"`.

    Raises:
        `ValueError`: if the two counts differ; the message states both.
    """
    num_placeholders = int(mask.sum())
    lengths = [len(tokens) for tokens in features.pooler_output] if features is not None else []
    if num_placeholders != sum(lengths):
        raise ValueError(
            f"The prompts hold {num_placeholders} {modality} placeholder tokens, but the {modality}s give "
            f"{sum(lengths)} visual tokens {lengths}. The processor counts with its own num_scenes, patches_per_side, "
            "spatial_pool_mode, spatial_pool_stride and newline_position, and with the image_grid_pinpoints of its "
            "image processor: they must be those of the model's config. (Or the model has generated a placeholder: "
            "suppress it in the generation config.)"
        )
    if features is None:
        return inputs_embeds
    tokens = torch.cat([tokens.to(inputs_embeds) for tokens in features.pooler_output])  # (sum of L, C)
    return inputs_embeds.masked_scatter(mask[..., None].to(inputs_embeds.device), tokens)
