"""The memory that each processor needs for a stage: weights, gradients, optimiser, activations."""

from collections.abc import Iterable
from dataclasses import dataclass, fields

import torch
from torch import nn
from transformers import PreTrainedModel

from .activations import Activations


FLOAT32 = torch.float32.itemsize
BFLOAT16 = torch.bfloat16.itemsize
# FSDP gathers the next layer while this one computes.
GATHERED_LAYERS = 2


@dataclass(frozen=True)
class MemoryPlan:
    """Bytes on each processor. What can be split over processors is split (FSDP2, ZeRO-3)."""

    # float32, whatever is computed in.
    parameters: int
    # float32, of what is trained.
    gradients: int
    # AdamW's two moments in float32, of what is trained.
    optimizer_state: int
    # What is computed with beside them: bfloat16 weights, and where weights are split, gathered ones.
    working_copies: int
    # Kept for the backward pass, logits left out.
    activations: int
    # On top of them at the worst moment: at the loss, or in the largest block that is computed again.
    peak: int

    @property
    def total(self) -> int:
        return sum(getattr(self, field.name) for field in fields(self))


def plan_memory(model: PreTrainedModel, activations: Activations, *, num_gpus: int, is_bf16: bool) -> MemoryPlan:
    """
    Args:
        model: on the meta device will do; what is trained requires gradients.
        activations: of a micro batch.
        num_gpus: 1: nothing is split. More: weights, gradients and the optimiser's state are.
    """
    trained = _count(model.parameters(), trained_only=True)
    return MemoryPlan(
        parameters=_count(model.parameters()) * FLOAT32 // num_gpus,
        gradients=trained * FLOAT32 // num_gpus,
        optimizer_state=2 * trained * FLOAT32 // num_gpus,
        working_copies=_gathered_copies(model, is_bf16) if num_gpus > 1 else _cast_copies(model, is_bf16),
        activations=activations.kept,
        peak=activations.peak - activations.kept,
    )


def _cast_copies(model: PreTrainedModel, is_bf16: bool) -> int:
    """autocast keeps what it has cast until the forward pass ends."""
    return _count(model.parameters()) * BFLOAT16 if is_bf16 else 0


def _gathered_copies(model: PreTrainedModel, is_bf16: bool) -> int:
    """
    Two layers of the language model, and for the whole step what is in none (tower, merging, projector, embeddings,
    head), with its gradients until they have been added up and split.
    """
    layers = model.model.language_model.layers
    in_one_layer = _count(layers.parameters()) // len(layers)
    beside = _count(model.parameters()) - _count(layers.parameters())
    trained_beside = _count(model.parameters(), trained_only=True) - _count(layers.parameters(), trained_only=True)
    return (GATHERED_LAYERS * in_one_layer + beside + trained_beside) * (BFLOAT16 if is_bf16 else FLOAT32)


def _count(parameters: Iterable[nn.Parameter], *, trained_only: bool = False) -> int:
    return sum(parameter.numel() for parameter in parameters if parameter.requires_grad or not trained_only)
