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
Images -> visual tokens, as LLaVA-OneVision makes them: the whole image at the tower's size, and, for a single image of
a prompt, a grid of tiles at a higher resolution, laid together, cut to the image's shape, made smaller if there are
too many, with a newline token after every row.

Shape letters: G tiles of an image and its overview, P patches of a tile (a square), n side of a tile in patches,
C width of the language model, L visual tokens.
"""

import math

import torch
from torch.nn import functional as F
from transformers.image_processing_utils import select_best_resolution


# A grid of tiles is made smaller only if it has more than 1.1 times the patches along a side that it may have.
SHRINK_ABOVE = 1.1


def tile_grid(image_size: tuple[int, int], grid_pinpoints: list[list[int]], tile_size: int) -> tuple[int, int]:
    """
    Rows and columns of tiles for an image.

    Args:
        image_size: its height and width in pixels.
        grid_pinpoints: heights and widths, in pixels, to choose from.
        tile_size: side of a tile in pixels, that of the tower's images.
    """
    height, width = select_best_resolution(tuple(image_size), grid_pinpoints)
    return height // tile_size, width // tile_size


def unpad(grid: torch.Tensor, image_size: tuple[int, int]) -> torch.Tensor:
    """
    Cuts off what was added around an image to fill the tiles: `(C, rows, columns)` to the shape of `image_size`.
    """
    height, width = image_size
    rows, columns = grid.shape[1:]
    if width / height > columns / rows:
        border = (rows - int(round(height * (columns / width), 7))) // 2
        return grid[:, border : rows - border]
    border = (columns - int(round(width * (rows / height), 7))) // 2
    return grid[:, :, border : columns - border]


def shrink(grid: torch.Tensor, max_patches: int) -> torch.Tensor:
    """Makes a grid `(C, rows, columns)` smaller, bilinearly, to about `max_patches` patches, if it has many more."""
    rows, columns = grid.shape[1:]
    ratio = math.sqrt(rows * columns / max_patches)
    if ratio <= SHRINK_ABOVE:
        return grid
    return F.interpolate(grid[None], [int(rows // ratio), int(columns // ratio)], mode="bilinear")[0]


def lay_out_tiles(
    tiles: torch.Tensor, newline: torch.Tensor, *, image_size: tuple[int, int], grid: tuple[int, int], max_tiles: int
) -> torch.Tensor:
    """
    The visual tokens of a single image: its overview, then its tiles row by row.

    Args:
        tiles (`torch.Tensor` of shape `(G, P, C)`): the overview, then the tiles, projected.
        newline (`torch.Tensor` of shape `(C,)`).
        image_size: height and width of the image in pixels.
        grid: rows and columns of tiles; their product is G - 1.
        max_tiles: more patches than those of so many tiles are made fewer.

    Returns:
        `torch.Tensor` of shape `(L, C)`.
    """
    overview, tiles = tiles[0], tiles[1:]
    side, width = math.isqrt(len(overview)), overview.shape[-1]
    patches = tiles.view(*grid, side, side, width).permute(4, 0, 2, 1, 3)  # (C, rows, n, columns, n)
    patches = patches.flatten(3, 4).flatten(1, 2)  # (C, rows * n, columns * n)
    patches = shrink(unpad(patches, image_size), max_tiles * side**2)
    newlines = newline.to(patches)[:, None, None].expand(width, patches.shape[1], 1)
    patches = torch.cat([patches, newlines], dim=2).flatten(1).T  # (h * (w + 1), C)
    return torch.cat([overview, patches])


def lay_out_overview(tiles: torch.Tensor, newline: torch.Tensor) -> torch.Tensor:
    """The visual tokens of one of several images: `(G, P, C)` to `(P + 1, C)`, the overview and a newline."""
    return torch.cat([tiles[0], newline.to(tiles)[None]])
