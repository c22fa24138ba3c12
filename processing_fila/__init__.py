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
"""What runs before the model. A name is loaded when it is first used, so importing this package alone costs nothing.

The video reader needs only PyAV and NumPy. Using a processor class also makes it known to transformers' Auto classes.
"""

from functools import cache
from importlib import import_module
from typing import Any


# Where each public name is defined.
_FILES = {
    "FilaVideoMetadata": "video_metadata",
    "FilaVideoProcessor": "processing_fila_video",
    "FilaVideoVideoProcessor": "video_processing_fila_video",
    "VideoDamageWarning": "reader_errors",
    "VideoReadError": "reader_errors",
    "VideoReader": "reader",
    "read_video": "reader",
}
_NEED_TRANSFORMERS = ("FilaVideoMetadata", "FilaVideoProcessor", "FilaVideoVideoProcessor")

__all__ = list(_FILES)


@cache
def register_auto_classes() -> None:
    """Makes the processors, and the model whose processors they are, known to transformers' Auto classes."""
    from transformers import AutoProcessor, AutoVideoProcessor

    import modeling_fila
    from modeling_fila import FilaVideoConfig

    from .processing_fila_video import FilaVideoProcessor
    from .video_processing_fila_video import FilaVideoVideoProcessor

    modeling_fila.register_auto_classes()
    AutoProcessor.register(FilaVideoConfig, FilaVideoProcessor, exist_ok=True)
    AutoVideoProcessor.register(FilaVideoConfig, FilaVideoVideoProcessor, exist_ok=True)


def __getattr__(name: str) -> Any:
    if name not in _FILES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if name in _NEED_TRANSFORMERS:
        register_auto_classes()
    return getattr(import_module(f"{__name__}.{_FILES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
