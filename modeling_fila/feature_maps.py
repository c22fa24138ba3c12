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
"""Feature maps -> visual tokens: spatial pooling and newline tokens, as in LLaVA-OneVision and LLaVA-Video.

Shape letters: S scenes (each scene is one feature map), P patches of a map (a square grid), Q patches of a pooled map
(a square grid), C width of the language model, L visual tokens of a video.
"""

import math

import torch
from torch.nn import functional as F

from .modeling_choices import NEWLINE_POSITIONS, SPATIAL_POOL_MODES, check_choice


def pool_feature_maps(maps: torch.Tensor, *, mode: str = "bilinear", stride: int = 2) -> torch.Tensor:
    """Shrinks each feature map by `stride` along both sides.

    Args:
        maps: Shape (S, P, C). P is a square number.
        mode: `"bilinear"` (side 27 -> 14, rounded up), `"average"` or `"max"` (27 -> 13, rounded down).
        stride: 1 changes nothing.

    Returns:
        Shape (S, Q, C).

    Raises:
        ValueError: If P is not a square number, or `mode` is unknown.
    """
    check_choice("spatial_pool_mode", mode, SPATIAL_POOL_MODES)
    num_maps, num_patches, width = maps.shape
    side = math.isqrt(num_patches)
    if side * side != num_patches:
        raise ValueError(f"A feature map of {num_patches} patches is not a square grid.")
    if stride == 1:
        return maps
    grid = maps.transpose(1, 2).reshape(num_maps, width, side, side)  # (S, C, side, side)
    if mode == "bilinear":
        pooled = F.interpolate(grid, size=[math.ceil(side / stride)] * 2, mode="bilinear")
    elif mode == "average":
        pooled = F.avg_pool2d(grid, stride)
    else:
        pooled = F.max_pool2d(grid, stride)
    return pooled.flatten(2).transpose(1, 2)  # (S, Q, C)


def add_newlines(maps: torch.Tensor, newline: torch.Tensor, *, position: str = "one_token") -> torch.Tensor:
    """Lays out the pooled feature maps of one video as a sequence, and adds newline tokens.

    Args:
        maps: Shape (S, Q, C).
        newline: The newline token, shape (C,).
        position: `"grid"` adds a newline after every row, `"frame"` after every map, `"one_token"` at the end of the
            video, and `"no_token"` nowhere.

    Returns:
        Shape (L, C). With `side` rows in a map, L is S * (Q + side) for `"grid"`, S * (Q + 1) for `"frame"`, S * Q + 1
        for `"one_token"` and S * Q for `"no_token"`.

    Raises:
        ValueError: If `position` is unknown.
    """
    check_choice("newline_position", position, NEWLINE_POSITIONS)
    num_maps, num_patches, width = maps.shape
    newline = newline.to(maps.device, maps.dtype)
    if position == "grid":
        side = math.isqrt(num_patches)
        rows = maps.reshape(num_maps * side, side, width)
        return torch.cat([rows, newline.expand(rows.shape[0], 1, width)], dim=1).flatten(0, 1)
    if position == "frame":
        return torch.cat([maps, newline.expand(num_maps, 1, width)], dim=1).flatten(0, 1)
    tokens = maps.flatten(0, 1)  # (S * Q, C)
    return torch.cat([tokens, newline[None]]) if position == "one_token" else tokens
