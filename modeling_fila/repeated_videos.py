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
Several questions about one video in one batch: it is encoded once. Shape letters: V videos, D of them distinct.
"""

from collections.abc import Sequence
from os import PathLike
from typing import Any

import torch
from transformers import PreTrainedModel

from .outputs import FilaVideoFeatures


def first_places(videos: Sequence[Any]) -> list[int]:
    """
    For each of V videos the place of the first one that is the same: an equal path, URL or `bytes`, or the same object.
    """
    keys = [video if isinstance(video, (str, bytes, PathLike)) else id(video) for video in videos]
    return [keys.index(key) for key in keys]


def encode_once(model: PreTrainedModel, inputs: dict[str, torch.Tensor], places: list[int]) -> FilaVideoFeatures:
    """
    What `model.get_video_features(**inputs)` returns, without encoding a video again that is there already.

    Args:
        inputs: tensors `(V, ...)`, arguments of `get_video_features`.
        places: for each video the first that is the same, as `first_places` says.
    """
    distinct = sorted(set(places))  # D
    if len(distinct) == len(places):
        return model.get_video_features(**inputs)
    features = model.get_video_features(**{name: tensor[distinct] for name, tensor in inputs.items()})
    rows = [distinct.index(place) for place in places]  # V
    repeated = {
        name: [value[row] for row in rows] if isinstance(value, list) else value[rows]
        for name, value in features.items()
    }
    return FilaVideoFeatures(**repeated)
