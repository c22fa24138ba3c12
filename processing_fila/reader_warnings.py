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
"""Warnings that show the line of the user's own code."""

import inspect
import warnings
from types import FrameType


# Packages whose lines say nothing to a user: this project, the copies of it that checkpoints carry, and the libraries
# that call it. `skip_file_prefixes` of `warnings.warn` needs Python 3.12.
PASSED_OVER = frozenset(
    {
        "accelerate",
        "concurrent",
        "configuration_fila",
        "contextlib",
        "datasets",
        "fila_video",
        "modeling_fila",
        "pipeline_fila",
        "processing_fila",
        "threading",
        "torch",
        "transformers",
        "transformers_modules",
    }
)


def warn_user(message: str, category: type[Warning]) -> None:
    """
    Warns with the line of the innermost caller that is neither of this project nor of a library that calls it.

    If there is none, as in a thread of such a library, the outermost caller is shown.

    Args:
        message: What the user should know.
        category: Class of the warning.
    """
    frame = _users_frame()
    if frame is None:  # Python without access to frames
        warnings.warn(message, category, stacklevel=3)
        return
    warnings.warn_explicit(
        message,
        category,
        filename=frame.f_code.co_filename,
        lineno=frame.f_lineno,
        module=frame.f_globals.get("__name__", "<unknown>"),
        registry=frame.f_globals.setdefault("__warningregistry__", {}),  # as `warnings.warn` keeps it
    )


def _users_frame() -> FrameType | None:
    frame = inspect.currentframe()
    while frame is not None and frame.f_back is not None and _is_passed_over(frame):
        frame = frame.f_back
    return frame


def _is_passed_over(frame: FrameType) -> bool:
    return str(frame.f_globals.get("__name__", "")).partition(".")[0] in PASSED_OVER
