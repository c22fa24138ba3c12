"""
Gives parameters that a batch does not use a gradient of zero, so that every trained parameter has one in every step.

A batch of images does not use the merging weights, and a batch of text does not use the vision tower. With several
processes (DDP, FSDP, ZeRO), a process that has a gradient would wait for processes that never compute it. Therefore
unused parameters are added to the output with the factor zero: their gradient is exactly zero.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn
from torch.utils.hooks import RemovableHandle

from .trained_parts import part_of


PARTS_OF_MODALITY = {
    "pixel_values": {"vision_tower", "multi_modal_projector"},
    "pixel_values_videos": {"vision_tower", "multi_modal_projector", "scene_merging"},
}
VISUAL_PARTS = {"vision_tower", "multi_modal_projector", "scene_merging"}
NEWLINE = "image_newline"


def add_zero_gradients(base_model: nn.Module) -> RemovableHandle:
    """Makes the output of a FilaVideoModel depend on all its trained visual parameters, whatever its inputs are."""
    return base_model.register_forward_hook(_add_unused, with_kwargs=True)


def _add_unused(module: nn.Module, args: tuple, kwargs: dict, output: Any) -> Any:
    if torch.is_grad_enabled() and (unused := _unused_parameters(module, kwargs)):
        # One element of each parameter is enough. A sum over all elements could overflow.
        zero: Any = sum(parameter.view(-1)[:1].sum() for parameter in unused) * 0.0
        output.last_hidden_state = output.last_hidden_state + zero.to(output.last_hidden_state.dtype)
    return output


def _unused_parameters(module: nn.Module, inputs: Mapping[str, Any]) -> list[nn.Parameter]:
    used = set().union(*(parts for name, parts in PARTS_OF_MODALITY.items() if inputs.get(name) is not None))
    return [
        parameter
        for name, parameter in module.named_parameters()
        if parameter.requires_grad and (name == NEWLINE or part_of(f"model.{name}") in VISUAL_PARTS - used)
    ]
