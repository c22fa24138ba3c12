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
"""The methods that can be chosen by name, and checks of arguments that are shared by the files of this folder."""

from collections.abc import Sequence


SCENE_SELECTIONS = ("kmeans", "uniform", "bsm")
SCENE_SUPPLEMENTS = ("similar", "dissimilar")
SCENE_MERGINGS = ("weighted", "average", "attention", "bsm", "none")
KMEANS_INITS = ("random", "kmeans++")
# The processor counts visual tokens, so the next two are also in processing_fila/video_tokens.py. The two folders do
# not import each other; a test checks that the lists are equal.
SPATIAL_POOL_MODES = ("bilinear", "average", "max")
NEWLINE_POSITIONS = ("one_token", "grid", "frame", "no_token")


def check_choice(name: str, value: str, choices: Sequence[str]) -> None:
    """Raises a `ValueError` that names the argument and the choices if `value` is not one of them."""
    if value not in choices:
        raise ValueError(f"{name}={value!r} is unknown; choose one of {', '.join(map(repr, choices))}.")


def check_at_least(name: str, value: float, minimum: int) -> None:
    """Raises a `ValueError` that names the argument if `value` is below `minimum` or is not a number."""
    if not value >= minimum:
        raise ValueError(f"{name}={value} must be at least {minimum}.")
