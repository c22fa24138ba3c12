"""
What a step keeps for its backward pass, counted by running the real model without memory: on the meta device.

B samples, T tokens of each, visual ones included, V words of the vocabulary.
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import nn
from transformers import AttentionInterface, PreTrainedModel

from .model import checkpoint_activations, keep_activations


PLANNED_ATTENTION = "fila_planned"
# Of an image, beside the overview.
TILES = 4


@dataclass(frozen=True)
class Activations:
    """Bytes. The peak is reached where the loss is differentiated, or inside the largest block."""

    # Kept by all that comes before the logits.
    kept: int
    # What the loss keeps: the logarithms of all probabilities, in float32.
    logits: int
    # Their gradients and those of the logits, in float32, both there at once.
    logits_gradients: int
    # What one block keeps that is computed again when its turn comes; 0 without gradient checkpointing.
    recomputed_block: int

    @property
    def peak(self) -> int:
        return self.kept + max(self.logits + self.logits_gradients, self.recomputed_block)


class _SavedBytes:
    """Bytes of the distinct storages that autograd was given to keep, parameters left out."""

    def __init__(self, parameters: Iterator[nn.Parameter]):
        # An entry holds its storage, so that no other one gets its id.
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
    """Counts what is kept for the backward pass of all that runs inside."""
    counter = _SavedBytes(model.parameters())
    with torch.autograd.graph.saved_tensors_hooks(counter.pack, lambda tensor: tensor):
        yield counter


class _PlannedAttention(torch.autograd.Function):
    """Keeps what a memory-efficient kernel keeps: its inputs, its output, and a number for each query and head."""

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
    """transformers' signature: (B, heads, T, width) to (B, T, heads, width); on the meta device nothing is computed."""
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
    Runs a forward pass of a FiLA-Video model on the meta device.

    Args:
        model: on the meta device, in the dtype that is computed in; what is trained requires gradients.
        modality: of all samples, `"video"`, `"image"` or `"text"`. An image is four tiles and an overview.
        num_frames: of a video.
        text_tokens: tokens of a sample beside the visual ones.
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
    """The language model's input `(B, T, C)`."""
    ids = torch.zeros((batch_size, text_tokens), dtype=torch.long, device="meta")
    visual = []
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
    What one block of the language model, or of the tower for a chunk of frames or tiles, keeps while it is
    differentiated. `tiles`: all that there are; a chunk may hold those of several videos.
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


def _run_first_layer(language_model: PreTrainedModel, embedded: torch.Tensor):
    positions = torch.zeros(embedded.shape[:2], dtype=torch.long, device="meta")
    rotary = language_model.rotary_emb(embedded, positions)
    return language_model.layers[0](_leaf(embedded), position_ids=positions, position_embeddings=rotary)


def _leaf(states: torch.Tensor) -> torch.Tensor:
    return states.detach().requires_grad_()


@contextmanager
def _checkpointing(model: PreTrainedModel, is_on: bool) -> Iterator[None]:
    if is_on:
        checkpoint_activations(model)
    yield
    if is_on:
        keep_activations(model)
