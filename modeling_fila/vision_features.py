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
"""Frames -> patch features, through all layers of the vision tower or, for a cheaper selection, the first ones.

Shape letters: N frames, P patches, D width of the vision tower, H and W pixels.
"""

import torch
from transformers import PreTrainedModel

from .exporting import is_exporting
from .modeling_choices import check_at_least


# SigLIP's. The processor normalizes with the same numbers (processing_fila/pixel_values.py); a test checks that.
PIXEL_MEAN = PIXEL_STD = 0.5


def encode_frames(
    vision_tower: PreTrainedModel, frames: torch.Tensor, frames_per_chunk: int, num_layers: int | None = None
) -> torch.Tensor:
    """Returns the patch features of frames, from the layer that feeds the projector (section 3.1) or an earlier one.

    Args:
        vision_tower: A SigLIP vision model without the layers after the one that feeds the projector.
        frames: Pixels of shape (N, 3, H, W). Floats are normalized, and are cast to the dtype of the tower. uint8 are
            the bytes of the frames, which are normalized here.
        frames_per_chunk: Number of frames that go through the tower at once.
        num_layers: Number of layers that the frames go through, without the final norm; 0 are the embeddings of the
            patches. These are the states `hidden_states[num_layers]` of the tower. `None` is all layers.

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
    states = [encode_chunk(vision_tower, normalize_bytes(chunk).to(vision_tower.dtype), num_layers) for chunk in chunks]
    return states[0] if len(states) == 1 else torch.cat(states)  # (N, P, D)


def finish_frames(
    vision_tower: PreTrainedModel, states: torch.Tensor, first_layer: int, frames_per_chunk: int
) -> torch.Tensor:
    """Sends frames through the rest of the layers.

    Args:
        vision_tower: As in `encode_frames`.
        states: What `encode_frames(..., num_layers=first_layer)` returned for N frames, shape (N, P, D).
        first_layer: Number of layers that the frames have gone through.
        frames_per_chunk: Number of frames that go through the tower at once.

    Returns:
        The patch features of the layer that feeds the projector, shape (N, P, D).
    """
    finished = [run_layers(vision_tower, chunk, first_layer, None) for chunk in states.split(frames_per_chunk)]
    return finished[0] if len(finished) == 1 else torch.cat(finished)


def finish_selected_frames(
    vision_tower: PreTrainedModel, states: torch.Tensor, places: torch.Tensor, first_layer: int, frames_per_chunk: int
) -> torch.Tensor:
    """Sends the selected frames, each of them once, through the rest of the layers.

    Args:
        vision_tower, states, first_layer, frames_per_chunk: As in `finish_frames`, with all N frames.
        places: Which of the N frames are selected, int64 of any shape. A frame may occur several times.

    Returns:
        Their patch features, of the shape of `places` and (P, D).
    """
    if not is_exporting():
        used, rows = places.unique(return_inverse=True)
    elif places.numel() < len(states):  # the number of different frames must not depend on values
        used, rows = places.flatten(), torch.arange(places.numel(), device=places.device).view_as(places)
    else:
        used, rows = torch.arange(len(states), device=places.device), places
    return finish_frames(vision_tower, states[used], first_layer, frames_per_chunk)[rows]


def normalize_bytes(frames: torch.Tensor) -> torch.Tensor:
    """Normalizes frames that are uint8, in float32, as SigLIP expects. Others are normalized already."""
    if frames.dtype != torch.uint8:
        return frames
    return frames.float().sub_(PIXEL_MEAN * 255).div_(PIXEL_STD * 255)


def encode_chunk(vision_tower: PreTrainedModel, frames: torch.Tensor, num_layers: int | None = None) -> torch.Tensor:
    """Encodes frames of shape (N, 3, H, W) at once; returns the shape (N, P, D). See `encode_frames`."""
    # The tower's modules are called one by one: its own forward pass would also apply the final norm, and
    # `output_hidden_states` would keep the states of every layer in memory.
    embeddings = vision_tower.get_submodule("embeddings")(frames)
    if num_layers is not None:
        return run_layers(vision_tower, embeddings, 0, num_layers)
    return vision_tower.get_submodule("encoder")(inputs_embeds=embeddings).last_hidden_state


def run_layers(vision_tower: PreTrainedModel, states: torch.Tensor, start: int, end: int | None) -> torch.Tensor:
    """Sends states of shape (N, P, D) through the layers from `start` up to but not including `end`; None is all."""
    # As the encoder does. A layer has no mask: all patches of a frame see each other.
    for layer in list(vision_tower.get_submodule("encoder.layers").children())[start:end]:
        states = layer(states, attention_mask=None)
    return states
