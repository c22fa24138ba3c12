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
Several questions about one video in one batch: the video is encoded once. Shape letter: V videos.
"""

from collections.abc import Sequence
from typing import Any

import torch

from .outputs import FilaVideoFeatures


def first_places(video_metadata: Sequence[Any]) -> list[int]:
    """
    Returns, for each of V videos, the index of the first video that is equal to it.

    Equal videos share one metadata object. The processor decides which videos are equal: see `GivenVideo.key` in
    `video_input.py` and `load_videos` in `video_loading.py`.
    """
    identities = [id(metadata) for metadata in video_metadata]
    return [identities.index(identity) for identity in identities]


def encode_once(model: Any, inputs: dict[str, torch.Tensor], places: list[int], **options) -> FilaVideoFeatures:
    """
    Returns what `model.get_video_features(**inputs, **options)` returns, but encodes each video only once.

    Args:
        model: A FiLA-Video model.
        inputs: Arguments of `get_video_features`, tensors of shape `(V, ...)`.
        places: For each video the index of the first one that is the same, as `first_places` returns them.
        options: Arguments of `get_video_features` that hold for all videos.
    """
    distinct = sorted(set(places))
    if len(distinct) == len(places):
        return model.get_video_features(**inputs, **options)
    features = model.get_video_features(**{name: tensor[distinct] for name, tensor in inputs.items()}, **options)
    return _take_rows(features, [distinct.index(place) for place in places])


class KnownVideos:
    """
    What was read and encoded for one batch of prompts, for the next batch of the same call to use.

    Attributes:
        loaded: The videos as the processor loaded them; see `loaded_videos` in `video_loading.py`.
    """

    def __init__(self) -> None:
        self.loaded: dict[Any, Any] = {}
        self._metadata: list[Any] = []
        self._features: FilaVideoFeatures | None = None

    def __reduce__(self):
        """Another process knows nothing."""
        return KnownVideos, ()

    def find(self, video_metadata: Sequence[Any]) -> FilaVideoFeatures | None:
        """Returns the features of these videos, or None if one of them is not known. See [`first_places`]."""
        identities = [id(metadata) for metadata in self._metadata]
        if self._features is None or not all(id(metadata) in identities for metadata in video_metadata):
            return None
        return _take_rows(self._features, [identities.index(id(metadata)) for metadata in video_metadata])

    def remember(self, video_metadata: Sequence[Any], features: FilaVideoFeatures) -> None:
        """Keeps the features of these videos, in place of those before."""
        self._metadata, self._features = list(video_metadata), features


def _take_rows(features: FilaVideoFeatures, rows: list[int]) -> FilaVideoFeatures:
    """Returns the features of the videos with these indices."""
    taken: dict[str, Any] = {
        name: [value[row] for row in rows] if isinstance(value, list) else value[rows]
        for name, value in features.items()
    }
    return FilaVideoFeatures(**taken)
