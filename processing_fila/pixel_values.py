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
"""Frames from 0 to 255 -> the values that the vision tower takes.

Shape letters: V videos, N frames (of the longest), H and W height and width in pixels.
"""

from collections.abc import Sequence
from typing import Any

import torch


# SigLIP's. The model normalizes bytes with the same numbers (modeling_fila/vision_features.py). The two folders do not
# import each other; a test checks that they are equal.
PIXEL_MEAN = PIXEL_STD = 0.5
PIXEL_SCALE = 1 / 255
# Frames that are converted at once, so that no second copy of all of them is in memory.
FRAMES_AT_ONCE = 8


def model_can_normalize(settings: dict[str, Any]) -> bool:
    """Whether the normalization of these settings is the one that the model applies to bytes."""
    if not (settings["do_rescale"] and settings["do_normalize"]):
        return False
    means, stds = _per_channel(settings["image_mean"]), _per_channel(settings["image_std"])
    return settings["rescale_factor"] == PIXEL_SCALE and means == [PIXEL_MEAN] * 3 and stds == [PIXEL_STD] * 3


def pad_frames(videos: Sequence[torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
    """
    Puts V videos of unequal length, each (N, 3, H, W), into one batch.

    Returns:
        The batch `(V, N, 3, H, W)`, with zeros after the end of shorter videos, and the mask `(V, N)` int64, 1 for
        frames. A single video is not copied.
    """
    if len(videos) == 1:
        return videos[0][None], _mask(videos)
    batch = _empty_batch(videos, videos[0].dtype)
    for video, place in zip(videos, batch, strict=True):
        place[: len(video)] = video
    return batch, _mask(videos)


def pad_and_normalize(
    videos: Sequence[torch.Tensor], mean: Any, std: Any, rescale_factor: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """
    Rescales and normalizes V videos, as `BaseVideoProcessor` does, a few frames at a time.

    Args:
        videos: Each of shape (N, 3, H, W), from 0 to 255.
        mean: Mean of the rescaled values, one number or one for each channel.
        std: Their standard deviation.
        rescale_factor: Factor that maps values to 0 to 1.

    Returns:
        As `pad_frames`, in float32.
    """
    batch = _empty_batch(videos, torch.float32)
    # transformers multiplies mean and deviation instead of the values; with another order, last digits would differ.
    shift, scale = (torch.tensor(_per_channel(value)) * (1.0 / rescale_factor) for value in (mean, std))
    shift, scale = shift[:, None, None].to(batch.device), scale[:, None, None].to(batch.device)
    for video, place in zip(videos, batch, strict=True):
        for frames, target in zip(video.split(FRAMES_AT_ONCE), place[: len(video)].split(FRAMES_AT_ONCE), strict=True):
            target.copy_(frames).sub_(shift).div_(scale)
    return batch, _mask(videos)


def _empty_batch(videos: Sequence[torch.Tensor], dtype: torch.dtype) -> torch.Tensor:
    longest = max(map(len, videos))
    is_even = all(len(video) == longest for video in videos)
    make = torch.empty if is_even else torch.zeros
    return make((len(videos), longest, *videos[0].shape[1:]), dtype=dtype, device=videos[0].device)


def _mask(videos: Sequence[torch.Tensor]) -> torch.Tensor:
    lengths = torch.tensor([len(video) for video in videos], device=videos[0].device)
    return (torch.arange(int(lengths.max()), device=lengths.device) < lengths[:, None]).long()


def _per_channel(value: Any) -> list[float]:
    return [value] * 3 if isinstance(value, (int, float)) else list(value)
