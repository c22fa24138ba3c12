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
Frames -> patch features. Shape letters: N frames, P patches, D width of the vision tower, H and W pixels.
"""

import torch
from transformers import PreTrainedModel


def encode_frames(vision_tower: PreTrainedModel, frames: torch.Tensor, frames_per_chunk: int) -> torch.Tensor:
    """
    Patch features of frames, by the layer that feeds the projector (section 3.1).

    Args:
        vision_tower: a SigLIP vision model, cut to the layers that are used.
        frames (`torch.Tensor` of shape `(N, 3, H, W)`): normalised pixels, of any dtype; cast to the tower's.
        frames_per_chunk (`int`): frames that go through the tower at once.

    Returns:
        `torch.Tensor` of shape `(N, P, D)`, in the tower's dtype.

    Raises:
        `ValueError`: if `frames_per_chunk` is below 1.
    """
    if frames_per_chunk < 1:
        raise ValueError(f"frames_per_chunk={frames_per_chunk} must be at least 1.")
    # The parts of the tower by themselves: its forward pass would go on to its final norm, and `output_hidden_states`
    # would keep the states of every layer.
    states = [
        vision_tower.encoder(inputs_embeds=vision_tower.embeddings(chunk.to(vision_tower.dtype))).last_hidden_state
        for chunk in frames.split(frames_per_chunk)  # (at most frames_per_chunk, 3, H, W)
    ]
    return torch.cat(states)  # (N, P, D)
