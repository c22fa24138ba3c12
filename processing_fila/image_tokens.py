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
How many visual tokens an image becomes: it depends on its size and the configuration only. The rules are those of
LLaVA-OneVision, whose tiles the model lays out.
"""

import math

from transformers.image_processing_utils import select_best_resolution


# A grid of tiles is made smaller only if it has more than 1.1 times the patches along a side that it may have.
SHRINK_ABOVE = 1.1


def count_overview_tokens(patches_per_side: int) -> int:
    """Of one of several images in a prompt: its patches, and a newline."""
    return patches_per_side**2 + 1


def count_image_tokens(
    image_size: tuple[int, int],
    *,
    patches_per_side: int,
    tile_size: int,
    grid_pinpoints: list[list[int]],
    max_tiles: int,
) -> int:
    """
    Of an image that is alone in its prompt: the patches of its overview, and those of its tiles, with a newline after
    every row.

    Args:
        image_size: height and width of the image in pixels.
        patches_per_side: patches along one side of a tile.
        tile_size: side of a tile in pixels.
        grid_pinpoints: heights and widths, in pixels, at which the tiles may be laid out.
        max_tiles: more patches than those of so many tiles are made fewer.
    """
    height, width = select_best_resolution(tuple(image_size), grid_pinpoints)
    rows, columns = height // tile_size * patches_per_side, width // tile_size * patches_per_side
    rows, columns = _without_padding(rows, columns, image_size)
    ratio = math.sqrt(rows * columns / (max_tiles * patches_per_side**2))
    if ratio > SHRINK_ABOVE:
        rows, columns = int(rows // ratio), int(columns // ratio)
    return patches_per_side**2 + rows * (columns + 1)


def _without_padding(rows: int, columns: int, image_size: tuple[int, int]) -> tuple[int, int]:
    """The part of a grid of patches that an image of this shape fills."""
    height, width = image_size
    if width / height > columns / rows:
        return rows - (rows - int(round(height * (columns / width), 7))) // 2 * 2, columns
    return rows, columns - (columns - int(round(width * (rows / height), 7))) // 2 * 2
