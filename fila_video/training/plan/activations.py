"""
The memory that a step keeps for its backward pass, counted by running the real model on the meta device.

On the meta device tensors have shapes but no memory, and nothing is computed. B samples, T tokens of a sample including
the visual ones, C width of the language model.
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from transformers import AttentionInterface, PreTrainedModel

from ..model.gradient_checkpointing import disable_gradient_checkpointing, enable_gradient_checkpointing


PLANNED_ATTENTION = "fila_planned"
# Number of tiles of an image, in addition to the overview.
TILES = 4


@dataclass(frozen=True)
class Activations:
    """Bytes. The peak is reached in the backward pass of the loss, or in that of the largest block."""

    # Kept by everything before the logits.
    kept: int
    # Kept by the loss: the logarithms of all probabilities, in float32.
    logits: int
    # The gradients of these logarithms and of the logits, in float32. Both exist at the same time.
    logits_gradients: int
    # Kept by one block while it is computed again in the backward pass; 0 without gradient checkpointing.
    recomputed_block: int

    @property
    def peak(self) -> int:
        """Bytes at the worst moment of the backward pass."""
        return self.kept + max(self.logits + self.logits_gradients, self.recomputed_block)


class _SavedBytes:
    """Counts the bytes of the different storages that autograd keeps, without parameters."""

    def __init__(self, parameters: Iterator[nn.Parameter]):
        # The entries keep their storages alive, so that no other storage gets the same id.
        self._parameters = {id(storage): storage for storage in (p.untyped_storage() for p in parameters)}
        self._storages: dict[int, torch.UntypedStorage] = {}

    def pack(self, tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if id(storage) not in self._parameters:
            self._storages[id(storage)] = storage
        return tensor

    def total(self) -> int:
        return sum(storage.nbytes() for storage in self._storages.values())


@contextmanager
def saved_bytes(model: nn.Module) -> Iterator[_SavedBytes]:
    """Counts what autograd keeps for the backward pass of the operations inside the context."""
    counter = _SavedBytes(model.parameters())
    with torch.autograd.graph.saved_tensors_hooks(counter.pack, lambda tensor: tensor):
        yield counter


class _PlannedAttention(torch.autograd.Function):
    """Keeps what a memory-efficient kernel keeps: inputs, output, and one number for each query and head."""

    @staticmethod
    def forward(ctx, query, key, value):
        output = torch.empty_like(query)
        ctx.save_for_backward(query, key, value, output, query.new_empty(query.shape[:-1], dtype=torch.float32))
        return output

    @staticmethod
    def backward(ctx, gradient):
        query, key, value, _, _ = ctx.saved_tensors
        return torch.empty_like(query), torch.empty_like(key), torch.empty_like(value)


def planned_attention(module, query, key, value, attention_mask=None, **kwargs):
    """An attention for transformers that computes nothing: `(B, heads, T, width)` to `(B, T, heads, width)`."""
    return _PlannedAttention.apply(query, key, value).transpose(1, 2).contiguous(), None


AttentionInterface.register(PLANNED_ATTENTION, planned_attention)


def count_activations(
    model: PreTrainedModel,
    *,
    modality: str,
    num_frames: int,
    text_tokens: int,
    batch_size: int,
    gradient_checkpointing: bool,
) -> Activations:
    """
    Counts the activations of a FiLA-Video model by a forward pass on the meta device.

    Args:
        model: The model on the meta device, in the dtype of the computation; trained parameters require gradients.
        modality: Modality of all samples: `"video"`, `"image"` or `"text"`. An image has four tiles and an overview.
        num_frames: Number of frames of a video.
        text_tokens: Number of tokens of a sample without the visual ones.
        batch_size: Number of samples in the micro batch.
        gradient_checkpointing: Whether blocks are computed again in the backward pass.
    """
    model.set_attn_implementation(PLANNED_ATTENTION)
    model.train()
    with _checkpointing(model, gradient_checkpointing), saved_bytes(model) as counter:
        embedded = _embed(model, modality, num_frames, text_tokens, batch_size)
        hidden = model.model.language_model(inputs_embeds=embedded, use_cache=False).last_hidden_state
        kept = counter.total()
        logits = model.lm_head(hidden)
        labels = torch.zeros(hidden.shape[:2], dtype=torch.long, device="meta")
        model.loss_function(logits=logits, labels=labels, vocab_size=logits.shape[-1])
        with_logits = counter.total()
    tiles = batch_size * num_frames if modality == "video" else 1 + TILES
    block = _largest_block(model, embedded, modality, tiles) if gradient_checkpointing else 0
    return Activations(kept, with_logits - kept, 2 * torch.float32.itemsize * logits.numel(), block)


def _embed(model: PreTrainedModel, modality: str, num_frames: int, text_tokens: int, batch_size: int) -> torch.Tensor:
    """Makes the input of the language model, `(B, T, C)`."""
    ids = torch.zeros((batch_size, text_tokens), dtype=torch.long, device="meta")
    visual: list[torch.Tensor] = []
    side = model.config.vision_config.image_size
    if modality == "video":
        pixels = torch.empty((batch_size, num_frames, 3, side, side), device="meta")
        visual = model.model.get_video_features(pixels, return_dict=True).pooler_output
    elif modality == "image":
        pixels = torch.empty((batch_size, 1 + TILES, 3, side, side), device="meta")
        sizes = torch.full((batch_size, 2), side * math.isqrt(TILES))
        visual = model.model.get_image_features(pixels, sizes, return_dict=True).pooler_output
    parts = [torch.stack(visual)] if visual else []
    return torch.cat([*parts, model.get_input_embeddings()(ids)], 1)


def _largest_block(model: PreTrainedModel, embedded: torch.Tensor, modality: str, tiles: int) -> int:
    """
    Bytes that the larger of two blocks keeps: one of the language model, or one of the tower for a chunk of frames.

    Args:
        model: The model on the meta device.
        embedded: Input of the language model `(B, T, C)`.
        modality: Modality of all samples.
        tiles: Number of frames or tiles in the micro batch; a chunk may contain those of several samples.
    """
    blocks = [_kept_by(model, lambda: _run_first_layer(model.model.language_model, embedded))]
    tower = model.model.vision_tower
    if modality != "text" and any(parameter.requires_grad for parameter in tower.parameters()):
        count = min(tiles, model.config.frames_per_chunk)
        patches, width = model.config.patches_per_side**2, model.config.vision_config.hidden_size
        states = torch.empty((count, patches, width), dtype=tower.dtype, device="meta")
        blocks.append(_kept_by(model, lambda: tower.encoder.layers[0](_leaf(states), attention_mask=None)))
    return max(blocks)


def _kept_by(model: nn.Module, run) -> int:
    with saved_bytes(model) as counter:
        run()
    return counter.total()


def _run_first_layer(language_model: Any, embedded: torch.Tensor):
    positions = torch.zeros(embedded.shape[:2], dtype=torch.long, device="meta")
    rotary = language_model.rotary_emb(embedded, positions)
    return language_model.layers[0](_leaf(embedded), position_ids=positions, position_embeddings=rotary)


def _leaf(states: torch.Tensor) -> torch.Tensor:
    return states.detach().requires_grad_()


@contextmanager
def _checkpointing(model: PreTrainedModel, is_on: bool) -> Iterator[None]:
    if is_on:
        enable_gradient_checkpointing(model)
    yield
    if is_on:
        disable_gradient_checkpointing(model)
