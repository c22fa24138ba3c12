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
"""Several questions about one video in one call: the video is encoded once. Shape letters: V videos, S scenes."""

from collections.abc import Callable, Hashable, Sequence
from typing import Any, cast

import torch
from torch.nn.utils.rnn import pad_sequence

from .outputs import FilaVideoFeatures


class KnownVideos:
    """
    What was read and encoded for one batch of prompts, for the next batch of the same call to use.

    Attributes:
        loaded: The videos as the processor loaded them; see `loaded_videos` in `video_loading.py`.
        encoded: For each key of a video its features, as `split_videos` returns them.
        held: Objects by whose `id` keys are made. They have to exist as long as the keys.
    """

    def __init__(self) -> None:
        self.loaded: dict[Any, Any] = {}
        self.encoded: dict[Hashable, FilaVideoFeatures] = {}
        self.held: Any = None

    def __reduce__(self):
        """Another process knows nothing."""
        return KnownVideos, ()


def encode_missing(
    keys: Sequence[Hashable],
    known: dict[Hashable, FilaVideoFeatures],
    encode: Callable[[list[int]], FilaVideoFeatures],
) -> dict[Hashable, FilaVideoFeatures]:
    """
    Encodes the videos that are not known, each of them once.

    Args:
        keys: What each of V videos is: equal for equal videos.
        known: The features of some videos, as `split_videos` returns them.
        encode: Encodes the videos with these indices together.

    Returns:
        The features of those videos that were encoded.
    """
    missing = [place for place, key in enumerate(keys) if key not in known and key not in keys[:place]]
    if not missing:
        return {}
    return dict(zip((keys[place] for place in missing), split_videos(encode(missing)), strict=True))


def split_videos(features: FilaVideoFeatures) -> list[FilaVideoFeatures]:
    """Returns the features of each video alone, without the padding of the scenes."""
    indices = cast(torch.Tensor, features.scene_frame_indices)
    representatives = cast(torch.Tensor, features.scene_representatives)
    num_scenes = (representatives >= 0).sum(1).tolist()
    return [
        FilaVideoFeatures(
            pooler_output=[tokens],
            scene_frame_indices=indices[place : place + 1, :count],
            scene_representatives=representatives[place : place + 1, :count],
        )
        for place, (tokens, count) in enumerate(zip(cast(list, features.pooler_output), num_scenes, strict=True))
    ]


def join_videos(videos: Sequence[FilaVideoFeatures]) -> FilaVideoFeatures:
    """Returns the features of V videos, as `get_video_features` returns them, from those of each video."""

    def padded(name: str) -> torch.Tensor:
        return pad_sequence([getattr(video, name)[0] for video in videos], batch_first=True, padding_value=-1)

    return FilaVideoFeatures(
        pooler_output=[cast(list, video.pooler_output)[0] for video in videos],  # each (L, C)
        scene_frame_indices=padded("scene_frame_indices"),  # (V, S, K)
        scene_representatives=padded("scene_representatives"),  # (V, S)
    )


def features_on(features: FilaVideoFeatures, device: torch.device | str | None) -> FilaVideoFeatures:
    """Returns the features on a device, as copies that share no memory with other videos; None keeps the device."""

    def copied(value: torch.Tensor) -> torch.Tensor:
        return value.detach().to(value.device if device is None else device, copy=True)

    moved: dict[str, Any] = {
        name: list(map(copied, value)) if isinstance(value, list) else copied(value) for name, value in features.items()
    }
    return FilaVideoFeatures(**moved)
