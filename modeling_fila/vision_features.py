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
"""Frames -> patch features.

Shape letters: N frames, P patches, D width of the vision tower, H and W pixels.
"""

import torch
from transformers import PreTrainedModel

from .modeling_choices import check_at_least


# SigLIP's. The processor normalizes with the same numbers (processing_fila/pixel_values.py); a test checks that.
PIXEL_MEAN = PIXEL_STD = 0.5


def encode_frames(vision_tower: PreTrainedModel, frames: torch.Tensor, frames_per_chunk: int) -> torch.Tensor:
    """Returns the patch features of frames, from the layer that feeds the projector (section 3.1).

    Args:
        vision_tower: A SigLIP vision model without the layers after the one that feeds the projector.
        frames: Pixels of shape (N, 3, H, W). Floats are normalized, and are cast to the dtype of the tower. uint8 are
            the bytes of the frames, which are normalized here.
        frames_per_chunk: Number of frames that go through the tower at once.

    Returns:
        Shape (N, P, D), in the dtype of the tower.

    Raises:
        ValueError: If `frames_per_chunk` is below 1, or the frames do not have the size of the tower.
    """
    check_at_least("frames_per_chunk", frames_per_chunk, 1)
    side, size = vision_tower.config.image_size, tuple(frames.shape[-2:])
    if size != (side, side):  # the tower would cut off incomplete patches, or fail
        raise ValueError(
            f"The frames have {size[0]} x {size[1]} pixels, but the vision tower takes {side} x {side}: leave out size "
            "and do_resize=False, or give the processor that size."
        )
    chunks = frames.split(frames_per_chunk)
    states = [encode_chunk(vision_tower, normalize_bytes(chunk).to(vision_tower.dtype)) for chunk in chunks]
    return states[0] if len(states) == 1 else torch.cat(states)  # (N, P, D)


def normalize_bytes(frames: torch.Tensor) -> torch.Tensor:
    """Normalizes frames that are uint8, in float32, as SigLIP expects. Others are normalized already."""
    if frames.dtype != torch.uint8:
        return frames
    return frames.float().sub_(PIXEL_MEAN * 255).div_(PIXEL_STD * 255)


def encode_chunk(vision_tower: PreTrainedModel, frames: torch.Tensor) -> torch.Tensor:
    """Encodes frames of shape (N, 3, H, W) at once; returns the shape (N, P, D)."""
    # The tower's modules are called one by one: its own forward pass would also apply the final norm, and
    # `output_hidden_states` would keep the states of every layer in memory.
    embeddings, encoder = vision_tower.get_submodule("embeddings"), vision_tower.get_submodule("encoder")
    return encoder(inputs_embeds=embeddings(frames)).last_hidden_state
