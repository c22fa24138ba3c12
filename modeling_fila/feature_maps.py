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
Feature maps -> visual tokens: spatial pooling and newline tokens, as LLaVA-OneVision and LLaVA-Video do for video.
Shape letters: S feature maps, P patches of a map (a square), p side of a pooled map, D width of the language model,
L visual tokens.
"""

import math

import torch
from torch.nn import functional as F


def pool_feature_maps(maps: torch.Tensor, *, mode: str = "bilinear", stride: int = 2) -> torch.Tensor:
    """
    Makes each feature map smaller by `stride` along both sides.

    Args:
        maps (`torch.Tensor` of shape `(S, P, D)`): P is a square number.
        mode (`str`): `"bilinear"` (side 27 -> 14, rounded up), `"average"` or `"max"` (27 -> 13, rounded down).
        stride (`int`): 1 changes nothing.

    Returns:
        `torch.Tensor` of shape `(S, p * p, D)`.

    Raises:
        `ValueError`: if P is not a square number, or `mode` is unknown.
    """
    num_maps, num_patches, width = maps.shape
    side = math.isqrt(num_patches)
    if side * side != num_patches:
        raise ValueError(f"A feature map of {num_patches} patches is not a square grid.")
    if stride == 1:
        return maps
    grid = maps.transpose(1, 2).reshape(num_maps, width, side, side)  # (S, D, side, side)
    if mode == "bilinear":
        pooled = F.interpolate(grid, size=[math.ceil(side / stride)] * 2, mode="bilinear")
    elif mode == "average":
        pooled = F.avg_pool2d(grid, stride)
    elif mode == "max":
        pooled = F.max_pool2d(grid, stride)
    else:
        raise ValueError(f"spatial_pool_mode={mode!r} is unknown; choose 'bilinear', 'average' or 'max'.")
    return pooled.flatten(2).transpose(1, 2)  # (S, p * p, D)


def add_newlines(maps: torch.Tensor, newline: torch.Tensor, *, position: str = "one_token") -> torch.Tensor:
    """
    Lays the pooled feature maps of one video out as a sequence, with newline tokens between them.

    Args:
        maps (`torch.Tensor` of shape `(S, p * p, D)`).
        newline (`torch.Tensor` of shape `(D,)`): the newline token.
        position (`str`): `"grid"` puts one after every row, `"frame"` after every map, `"one_token"` at the end of
            the video, `"no_token"` nowhere.

    Returns:
        `torch.Tensor` of shape `(L, D)`; L is `S*p*(p+1)`, `S*(p*p+1)`, `S*p*p+1` or `S*p*p`.

    Raises:
        `ValueError`: if `position` is unknown.
    """
    num_maps, num_tokens, width = maps.shape
    newline = newline.to(maps.device, maps.dtype)
    if position == "grid":
        side = math.isqrt(num_tokens)
        rows = maps.reshape(num_maps * side, side, width)
        return torch.cat([rows, newline.expand(len(rows), 1, width)], dim=1).flatten(0, 1)
    if position == "frame":
        return torch.cat([maps, newline.expand(num_maps, 1, width)], dim=1).flatten(0, 1)
    tokens = maps.flatten(0, 1)  # (S * p * p, D)
    if position == "one_token":
        return torch.cat([tokens, newline[None]])
    if position == "no_token":
        return tokens
    raise ValueError(f"newline_position={position!r} is unknown; choose 'grid', 'frame', 'one_token' or 'no_token'.")
