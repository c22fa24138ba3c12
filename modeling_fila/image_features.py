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
"""Images -> visual tokens, as in LLaVA-OneVision.

Every image has an overview, which is the whole image at the vision tower's size. If an image is the only one in its
prompt, it also has a grid of tiles at a higher resolution. The features of the tiles are joined into one grid. The grid
is cropped to the shape of the image, shrunk if it has too many patches, and gets a newline token after every row.

Shape letters: G tiles of an image including its overview, P patches of a tile (a square grid of `side` rows), C width
of the language model, L visual tokens of an image.
"""

import math

import torch
from torch.nn import functional as F
from transformers.image_processing_utils import select_best_resolution


# A grid is shrunk only if its number of patches along a side is more than 1.1 times what is allowed.
SHRINK_ABOVE = 1.1


def tile_grid(image_size: tuple[int, int], grid_pinpoints: list[list[int]], tile_size: int) -> tuple[int, int]:
    """Returns the number of rows and columns of tiles for an image.

    Args:
        image_size: Height and width of the image in pixels.
        grid_pinpoints: Heights and widths to choose from, in pixels.
        tile_size: Side of a tile in pixels, which is the image size of the vision tower.
    """
    height, width = select_best_resolution(tuple(image_size), grid_pinpoints)
    return height // tile_size, width // tile_size


def unpad(grid: torch.Tensor, image_size: tuple[int, int]) -> torch.Tensor:
    """Crops the border that was added around an image to fill the tiles.

    Args:
        grid: Features of shape (C, rows, columns).
        image_size: Height and width of the image in pixels.

    Returns:
        Features of shape (C, fewer rows, columns) or (C, rows, fewer columns).
    """
    height, width = image_size
    rows, columns = grid.shape[1:]
    if width / height > columns / rows:
        border = (rows - int(round(height * (columns / width), 7))) // 2
        return grid[:, border : rows - border]
    border = (columns - int(round(width * (rows / height), 7))) // 2
    return grid[:, :, border : columns - border]


def shrink(grid: torch.Tensor, max_patches: int) -> torch.Tensor:
    """Resizes a grid (C, rows, columns) bilinearly to about `max_patches` patches if it has many more."""
    rows, columns = grid.shape[1:]
    ratio = math.sqrt(rows * columns / max_patches)
    if ratio <= SHRINK_ABOVE:
        return grid
    return F.interpolate(grid[None], [int(rows // ratio), int(columns // ratio)], mode="bilinear")[0]


def lay_out_tiles(
    tiles: torch.Tensor, newline: torch.Tensor, *, image_size: tuple[int, int], grid: tuple[int, int], max_tiles: int
) -> torch.Tensor:
    """Lays out the visual tokens of a single image: its overview, then the rows of its grid.

    Args:
        tiles: Projected features of the overview, then of the tiles, shape (G, P, C).
        newline: The newline token, shape (C,).
        image_size: Height and width of the image in pixels.
        grid: Number of rows and columns of tiles. Their product is G - 1.
        max_tiles: The grid is shrunk if it has more patches than this number of tiles.

    Returns:
        Shape (L, C).
    """
    overview, tiles = tiles[0], tiles[1:]
    side, width = math.isqrt(len(overview)), overview.shape[-1]
    tile_rows, tile_columns = grid
    patches = tiles.view(tile_rows, tile_columns, side, side, width)
    patches = patches.permute(4, 0, 2, 1, 3)  # (C, tile rows, side, tile columns, side)
    patches = patches.flatten(3, 4).flatten(1, 2)  # (C, tile rows * side, tile columns * side)
    patches = shrink(unpad(patches, image_size), max_tiles * side**2)  # (C, rows, columns)
    newlines = newline.to(patches)[:, None, None].expand(width, patches.shape[1], 1)  # (C, rows, 1)
    patches = torch.cat([patches, newlines], dim=2).flatten(1).T  # (rows * (columns + 1), C)
    return torch.cat([overview, patches])


def lay_out_overview(tiles: torch.Tensor, newline: torch.Tensor) -> torch.Tensor:
    """Lays out the visual tokens of one of several images, (G, P, C) -> (P + 1, C): its overview and a newline."""
    return torch.cat([tiles[0], newline.to(tiles)[None]])
