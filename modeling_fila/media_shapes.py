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
"""Checks that the shapes of pixels, masks and sizes agree, and counts frames and tiles without their padding.

Shape letters: V videos, N frames, I images, G tiles of an image including its overview, H and W pixels.
"""

import torch

from .exporting import check_in_program, is_exporting


def as_batch(values: torch.Tensor | list[torch.Tensor] | None, padding: int = 0) -> torch.Tensor | None:
    """Returns one tensor for all videos. Engines such as vLLM pass a list, one tensor for each video, if shapes differ.

    Args:
        values: A tensor with one row for each video, or a list of the rows.
        padding: Value with which rows are filled up, at their ends, to the largest shape.
    """
    if not isinstance(values, (list, tuple)):
        return values
    shape = [max(sizes) for sizes in zip(*(row.shape for row in values), strict=True)]
    batch = values[0].new_full((len(values), *shape), padding)
    for row, place in zip(values, batch, strict=True):
        place[tuple(slice(size) for size in row.shape)] = row
    return batch


def count_frames(pixel_values_videos: torch.Tensor, video_frame_mask: torch.Tensor | None) -> list[int]:
    """Returns the number of frames of each video, without padding.

    Args:
        pixel_values_videos: Shape (V, N, 3, H, W).
        video_frame_mask: 1 for the frames of a video, 0 for the padding after them, shape (V, N). `None` if there is no
            padding.

    Raises:
        ValueError: If the pixels do not have that shape, the mask does not fit them, a video has no frame, or padding
            comes before a frame.
    """
    shape = tuple(pixel_values_videos.shape)
    if len(shape) != 5:
        raise ValueError(f"pixel_values_videos has the shape {shape}, not (videos, frames, 3, height, width).")
    if video_frame_mask is None:
        return _without_empty([shape[1]] * shape[0])
    mask = video_frame_mask.bool()
    if tuple(mask.shape) != shape[:2]:
        raise ValueError(f"video_frame_mask has the shape {tuple(mask.shape)}, but the videos have {shape[:2]} frames.")
    if is_exporting():  # the shapes of a program are fixed
        check_in_program(mask.all(), f"Each video must have exactly {shape[1]} frames, without padding.")
        return _without_empty([shape[1]] * shape[0])
    lengths = mask.sum(1)
    is_padded_after = mask == (torch.arange(shape[1], device=mask.device) < lengths[:, None])
    if not is_padded_after.all():
        raise ValueError(f"video_frame_mask={mask.int().tolist()} must be 1 for a video's frames, then 0.")
    return _without_empty(lengths.tolist())


def _without_empty(lengths: list[int]) -> list[int]:
    if 0 in lengths:
        raise ValueError(f"Video {lengths.index(0)} has no frame.")
    return lengths


def groups_of_equal_length(lengths: list[int], max_frames: int) -> list[list[int]]:
    """Groups the videos that are encoded together.

    The videos of a group have the same number of frames. A group has at most `max_frames` frames in total, but always
    at least one video.

    Args:
        lengths: Number of frames of each of the V videos.
        max_frames: Maximum number of frames in a group of several videos.

    Returns:
        For each group, the indices of its videos.
    """
    indices_of_length: dict[int, list[int]] = {}
    for index, length in enumerate(lengths):
        indices_of_length.setdefault(length, []).append(index)
    groups: list[list[int]] = []
    for length, indices in indices_of_length.items():
        size = max(max_frames // length, 1)
        groups += [indices[start : start + size] for start in range(0, len(indices), size)]
    return groups


def count_tiles(
    pixel_values: torch.Tensor, grids: list[tuple[int, int]], batch_num_images: torch.Tensor | None
) -> list[int]:
    """Returns the number of tiles of each image, including its overview.

    An image that is the only one in its prompt keeps its whole grid of tiles. The others keep only their overview.

    Args:
        pixel_values: Shape (I, G, 3, H, W).
        grids: Rows and columns of tiles of each image.
        batch_num_images: Number of images in each prompt that has images. `None` means one image in each.

    Raises:
        ValueError: If the pixels do not have that shape, or do not fit the sizes or the number of the images.
    """
    shape = tuple(pixel_values.shape)
    if len(shape) != 5 or shape[0] != len(grids):
        raise ValueError(
            f"pixel_values has the shape {shape}, not (images, tiles, 3, height, width) for {len(grids)} image_sizes."
        )
    per_prompt = [1] * shape[0] if batch_num_images is None else [int(count) for count in batch_num_images]
    if sum(per_prompt) != shape[0]:
        raise ValueError(f"batch_num_images={per_prompt} adds up to {sum(per_prompt)}, not to {shape[0]} images.")
    is_alone = [count == 1 for count in per_prompt for _ in range(count)]
    return [1 + rows * columns if alone else 1 for (rows, columns), alone in zip(grids, is_alone, strict=True)]
