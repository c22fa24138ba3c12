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
"""Frames in memory of any number type -> 8 bits. Shape letters: N frames, H and W pixels."""

import torch


def as_8_bit(frames: torch.Tensor) -> torch.Tensor:
    """
    Brings frames to the values of files, 0 to 255.

    Args:
        frames: `(N, H, W, 3)` or `(N, 3, H, W)`. Integers are 0 to 255; unsigned 16-bit integers may be 0 to 65535.
            Floats are 0 to 1, or 0 to 255 if one is above 1. `False` is black.

    Returns:
        The frames as uint8, of the same shape.

    Raises:
        ValueError: If there are not 3 channels, or values are not numbers or out of range; it names what was found.
    """
    if 3 not in (frames.shape[1], frames.shape[3]):
        raise ValueError(
            f"Frames need 3 channels, red, green and blue, but have the shape {tuple(frames.shape)}: convert RGBA or "
            "gray frames first, or give them as PIL images."
        )
    if frames.dtype == torch.uint8:
        return frames
    if frames.dtype == torch.bool:
        return frames.to(torch.uint8) * 255
    if frames.is_complex():
        raise ValueError(f"Frames of {frames.dtype} are not pictures.")
    values = frames.to(torch.float32)
    low, high = (value.item() for value in torch.aminmax(values))
    if not torch.isfinite(values).all():
        raise ValueError(f"Frames of {frames.dtype} hold NaN or infinite values.")
    highest = _highest(frames.dtype, high)
    if low < 0 or high > highest:
        raise ValueError(
            f"Frames of {frames.dtype} hold values from {low:g} to {high:g}: give integers from 0 to 255, unsigned "
            "16-bit integers, or floats from 0 to 1 or from 0 to 255. Undo a normalization first, such as (x + 1) / 2."
        )
    return (values * (255 / highest)).round().to(torch.uint8)


def _highest(dtype: torch.dtype, high: float) -> int:
    """The value of white."""
    if dtype.is_floating_point and high <= 1:
        return 1
    return 65535 if dtype == torch.uint16 and high > 255 else 255
