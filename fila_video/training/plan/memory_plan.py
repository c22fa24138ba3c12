"""The memory that a stage needs on each GPU: weights, gradients, optimizer state and activations."""

from collections.abc import Iterable
from dataclasses import dataclass, fields

import torch
from torch import nn
from transformers import PreTrainedModel

from .activations import Activations


FLOAT32 = torch.float32.itemsize
BFLOAT16 = torch.bfloat16.itemsize
# FSDP gathers the next layer while the current layer computes.
GATHERED_LAYERS = 2


@dataclass(frozen=True)
class MemoryPlan:
    """Bytes on each GPU. With several GPUs, weights, gradients and optimizer state are split (FSDP2, ZeRO-3)."""

    # All weights, in float32 for every precision.
    parameters: int
    # Gradients of the trained weights, in float32.
    gradients: int
    # AdamW's two moments of the trained weights, in float32.
    optimizer_state: int
    # Further copies of weights that the computation uses: in bfloat16 and, where weights are split, gathered.
    working_copies: int
    # Kept for the backward pass, without the logits.
    activations: int
    # Added to the activations at the worst moment: at the loss, or in the largest block that is computed again.
    peak: int

    @property
    def total(self) -> int:
        """Sum of all fields."""
        return sum(getattr(self, field.name) for field in fields(self))


def plan_memory(model: PreTrainedModel, activations: Activations, *, num_gpus: int, is_bf16: bool) -> MemoryPlan:
    """
    Adds up the memory that each GPU needs.

    Args:
        model: The model, possibly on the meta device; its trained parameters require gradients.
        activations: Activations of a micro batch.
        num_gpus: Number of GPUs. With more than one, weights, gradients and optimizer state are split.
        is_bf16: Whether the model computes in bfloat16; otherwise it computes in float32.
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
    """Autocast keeps the bfloat16 copies of weights until the forward pass ends."""
    return _count(model.parameters()) * BFLOAT16 if is_bf16 else 0


def _gathered_copies(model: PreTrainedModel, is_bf16: bool) -> int:
    """
    Bytes of the weights that FSDP gathers.

    These are two layers of the language model, and for the whole step all weights outside the layers (tower, merging,
    projector, embeddings, head). The latter have gradients too until these have been added up and split.
    """
    layers = model.model.language_model.layers
    in_one_layer = _count(layers.parameters()) // len(layers)
    outside = _count(model.parameters()) - _count(layers.parameters())
    trained_outside = _count(model.parameters(), trained_only=True) - _count(layers.parameters(), trained_only=True)
    return (GATHERED_LAYERS * in_one_layer + outside + trained_outside) * (BFLOAT16 if is_bf16 else FLOAT32)


def _count(parameters: Iterable[nn.Parameter], *, trained_only: bool = False) -> int:
    return sum(parameter.numel() for parameter in parameters if parameter.requires_grad or not trained_only)
