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
"""The FiLA-Video model. A name is loaded when it is first used, so importing this package alone costs nothing.

Using a class also makes it known to transformers' Auto classes.
"""

from functools import cache
from importlib import import_module
from typing import Any


# Where each public name is defined.
_FILES = {
    "FilaImageFeatures": "outputs",
    "FilaVideoConfig": "configuration_fila",
    "FilaVideoFeatures": "outputs",
    "FilaVideoForConditionalGeneration": "modeling_fila_video",
    "FilaVideoModel": "modeling_fila_video",
    "FilaVideoPreTrainedModel": "modeling_fila_video",
    "VideoStore": "video_store",
    "VideoTextToTextPipeline": "pipeline_fila",
}

__all__ = list(_FILES)


@cache
def register_auto_classes() -> None:
    """Makes configuration and models known to transformers' Auto classes."""
    from transformers import AutoConfig, AutoModel, AutoModelForImageTextToText, AutoModelForMultimodalLM

    from .configuration_fila import FilaVideoConfig
    from .modeling_fila_video import FilaVideoForConditionalGeneration, FilaVideoModel

    AutoConfig.register(FilaVideoConfig.model_type, FilaVideoConfig, exist_ok=True)
    AutoModel.register(FilaVideoConfig, FilaVideoModel, exist_ok=True)
    AutoModelForImageTextToText.register(FilaVideoConfig, FilaVideoForConditionalGeneration, exist_ok=True)
    AutoModelForMultimodalLM.register(FilaVideoConfig, FilaVideoForConditionalGeneration, exist_ok=True)


def __getattr__(name: str) -> Any:
    if name not in _FILES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    register_auto_classes()
    return getattr(import_module(f"{__name__}.{_FILES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
