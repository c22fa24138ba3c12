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
How many frames or tiles there are beside the padding, and whether pixels and what is said of them fit.
Shape letters: V videos, N frames, I images, G tiles of an image and its overview, H and W pixels.
"""

import torch


def count_frames(pixel_values_videos: torch.Tensor, video_frame_mask: torch.Tensor | None) -> list[int]:
    """
    The number of frames of each video, from its mask `(V, N)`.

    Raises:
        `ValueError`: if the pixels are not `(V, N, 3, H, W)`, the mask does not fit them, a video has no frame, or its
            padding does not come after its frames.
    """
    shape = tuple(pixel_values_videos.shape)
    if len(shape) != 5:
        raise ValueError(f"pixel_values_videos has the shape {shape}, not (videos, frames, 3, height, width).")
    if video_frame_mask is None:
        return _without_empty([shape[1]] * shape[0])
    mask = video_frame_mask.bool()
    if tuple(mask.shape) != shape[:2]:
        raise ValueError(f"video_frame_mask has the shape {tuple(mask.shape)}, but the videos have {shape[:2]} frames.")
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
    """
    The places of videos that are encoded together: those with equally many frames, as many as `max_frames` hold, but
    at least one.
    """
    of_length: dict[int, list[int]] = {}
    for place, length in enumerate(lengths):
        of_length.setdefault(length, []).append(place)
    groups: list[list[int]] = []
    for length, places in of_length.items():
        size = max(max_frames // length, 1)
        groups += [places[start : start + size] for start in range(0, len(places), size)]
    return groups


def count_tiles(
    pixel_values: torch.Tensor, grids: list[tuple[int, int]], batch_num_images: torch.Tensor | None
) -> list[int]:
    """
    Tiles of each image, its overview included: all of its grid where it is alone in its prompt, one otherwise.

    Raises:
        `ValueError`: if the pixels are not `(I, G, 3, H, W)`, or do not fit the sizes or numbers of the images.
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
