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
"""What differs between the supported versions of transformers."""

import inspect
from importlib.metadata import version

from transformers import ProcessorMixin


def check_assistant_masks() -> None:
    """
    Refuses masks of the assistant's tokens where transformers cannot make them.

    Raises:
        ValueError: If transformers is older than 5.18, which marks nothing that follows a video.
    """
    installed = version("transformers")
    if tuple(map(int, installed.split(".")[:2])) < (5, 18):
        raise ValueError(f"return_assistant_tokens_mask=True needs transformers >= 5.18, and this is {installed}.")


def check_sanitizing() -> None:
    """
    Refuses to sanitize control tokens where transformers cannot do it, and would not say so.

    Raises:
        ValueError: If `apply_chat_template` of this transformers has no `sanitize_control_tokens`.
    """
    if "sanitize_control_tokens" not in inspect.signature(ProcessorMixin.apply_chat_template).parameters:
        installed = version("transformers")
        raise ValueError(f"sanitize_control_tokens=True needs transformers >= 5.24, and this is {installed}.")
