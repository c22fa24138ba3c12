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
How many visual tokens a video becomes. It depends on the number of sampled frames and the configuration only, never on
what the scene selection finds, so the processor can lay out a prompt without the model.
"""

import math

from .processing_checks import check_choice


NEWLINE_POSITIONS = ("one_token", "grid", "frame", "no_token")
SPATIAL_POOL_MODES = ("bilinear", "average", "max")


def count_scenes(num_frames: int, *, num_scenes: int | None) -> int:
    """
    Number of feature maps that reach the language model: `min(num_frames, num_scenes)`, or every frame if `num_scenes`
    is None (FiLA-Base).

    Raises:
        ValueError: If `num_scenes` is less than 1.
    """
    if num_scenes is not None and num_scenes < 1:
        raise ValueError(f"num_scenes={num_scenes} must be at least 1, or None to keep every frame.")
    return num_frames if num_scenes is None else min(num_frames, num_scenes)


def pooled_side(patches_per_side: int, *, mode: str, stride: int) -> int:
    """Side of a feature map after spatial pooling: 27 -> 14 (`"bilinear"`) or 13 (`"average"`, `"max"`) by stride 2."""
    check_choice("spatial_pool_mode", mode, SPATIAL_POOL_MODES)
    return math.ceil(patches_per_side / stride) if mode == "bilinear" else patches_per_side // stride


def count_tokens(num_maps: int, *, side: int, newline_position: str) -> int:
    """
    Visual tokens of S feature maps of side p: `S*p*(p+1)` (`"grid"`), `S*(p*p+1)` (`"frame"`), `S*p*p+1`
    (`"one_token"`), `S*p*p` (`"no_token"`).
    """
    check_choice("newline_position", newline_position, NEWLINE_POSITIONS)
    newlines = {"grid": num_maps * side, "frame": num_maps, "one_token": 1, "no_token": 0}
    return num_maps * side * side + newlines[newline_position]
