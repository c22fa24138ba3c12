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
"""Checks of arguments that several files of this folder need."""

from collections.abc import Sequence
from reprlib import repr as shorten


def check_choice(name: str, value: str, choices: Sequence[str]) -> str:
    """
    Returns `value` if it is one of the choices.

    Raises:
        ValueError: If it is none; the message names the argument, the value and the choices.
    """
    if value not in choices:
        raise ValueError(f"{name}={shorten(value)} is unknown; choose one of {', '.join(map(repr, choices))}.")
    return value
