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
"""Replaces the placeholders of a prompt by visual tokens, and finds the times of the selected scenes.

Shape letters: B prompts, T tokens of a prompt, V videos, N frames, S scenes, C width of the language model, L visual
tokens of a video or image.
"""

from typing import Any, cast

import torch

from .exporting import check_in_program, is_exporting
from .outputs import FilaImageFeatures, FilaVideoFeatures


def check_given_once(modality: str, name: str, features: dict[str, Any]) -> None:
    """Raises a `ValueError` if a video or image is given both as pixels and as features."""
    if features.get(modality) is not None:
        raise ValueError(f"Give either {name} or mm_encoder_outputs[{modality!r}], not both.")


def replace_placeholders(
    inputs_embeds: torch.Tensor,
    mask: torch.Tensor,
    features: FilaVideoFeatures | FilaImageFeatures | None,
    modality: str,
) -> torch.Tensor:
    """Replaces the placeholders of all videos, or of all images, by their visual tokens, in order.

    Args:
        inputs_embeds: Embedded prompts of shape (B, T, C).
        mask: True at the placeholders, shape (B, T).
        features: What `get_video_features` or `get_image_features` returned, or `None`.
        modality: `"image"` or `"video"`.

    Returns:
        Shape (B, T, C).

    Raises:
        ValueError: If the number of placeholders differs from the number of visual tokens. The message states both.
    """
    visual_tokens = [] if features is None else list(cast(list, features.pooler_output))  # each (L, C)
    check_num_placeholders(mask, [len(tokens) for tokens in visual_tokens], modality)
    if features is None:
        return inputs_embeds
    tokens = torch.cat([tokens.to(inputs_embeds) for tokens in visual_tokens])  # (sum of L, C)
    return inputs_embeds.masked_scatter(mask[..., None].to(inputs_embeds.device), tokens)


def check_num_placeholders(mask: torch.Tensor, lengths: list[int], modality: str) -> None:
    """Compares the placeholders with the numbers of visual tokens. Arguments and error as in `replace_placeholders`."""
    if is_exporting():
        message = f"The prompts do not hold exactly {sum(lengths)} {modality} placeholder tokens."
        return check_in_program(mask.sum() == sum(lengths), message)
    num_placeholders = int(mask.sum())
    if num_placeholders != sum(lengths):
        raise ValueError(
            f"The prompts hold {num_placeholders} {modality} placeholder tokens, but the {modality}s give "
            f"{sum(lengths)} visual tokens {lengths}. The processor counts with its own num_scenes, patches_per_side, "
            "spatial_pool_mode, spatial_pool_stride and newline_position, and with the image_grid_pinpoints of its "
            "image processor: they must be those of the model's config. Prompts with the times of scenes need "
            "frame_time_ids and times_are_interleaved, and prompts without them need features made without these. (Or "
            "the model has generated a placeholder: suppress it in the generation config.)"
        )
