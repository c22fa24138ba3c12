"""
Every trained parameter takes part in every step.

A batch of images does not use the merging weights, one of text not even the vision tower. Where processes see
different batches, some would then wait for gradients that others never make (DDP, FSDP, ZeRO). What a batch does not
use is added with factor zero: its gradient is exactly zero.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn
from torch.utils.hooks import RemovableHandle

from .parts import part_of


PARTS_OF_MODALITY = {
    "pixel_values": {"vision_tower", "multi_modal_projector"},
    "pixel_values_videos": {"vision_tower", "multi_modal_projector", "scene_merging"},
}
VISUAL_PARTS = {"vision_tower", "multi_modal_projector", "scene_merging"}
NEWLINE = "image_newline"


def involve_unused_parts(base_model: nn.Module) -> RemovableHandle:
    """Makes the trained visual parameters of a FilaVideoModel part of its output, whatever it is given."""
    return base_model.register_forward_hook(_add_unused, with_kwargs=True)


def _add_unused(module: nn.Module, args: tuple, kwargs: dict, output: Any) -> Any:
    if torch.is_grad_enabled() and (unused := _unused_parameters(module, kwargs)):
        # One element is enough, and cannot overflow as a sum could.
        nothing = sum(parameter.view(-1)[:1].sum() for parameter in unused) * 0.0
        output.last_hidden_state = output.last_hidden_state + nothing.to(output.last_hidden_state.dtype)
    return output


def _unused_parameters(module: nn.Module, inputs: Mapping[str, Any]) -> list[nn.Parameter]:
    used = set().union(*(parts for name, parts in PARTS_OF_MODALITY.items() if inputs.get(name) is not None))
    return [
        parameter
        for name, parameter in module.named_parameters()
        if parameter.requires_grad and (name == NEWLINE or part_of(f"model.{name}") in VISUAL_PARTS - used)
    ]
