"""The parts of a model that become ONNX files, as modules with plain tensors as inputs and outputs.

Shape letters: N frames, H and W pixels, P patches, Q patches of a pooled feature map, D width of the vision tower, S
scenes, K frames per scene, L visual tokens, C width of the language model, B prompts, T tokens.
"""

from typing import Any

import torch
from torch import Tensor, nn
from transformers import DynamicCache

from modeling_fila.feature_maps import add_newlines, pool_feature_maps
from modeling_fila.modeling_compat import CACHE_NAME
from modeling_fila.modeling_fila_video import FilaVideoForConditionalGeneration, FilaVideoModel
from modeling_fila.vision_features import encode_chunk


class VisionTower(nn.Module):
    """Frames as the reader returns them -> patch features.

    Args:
        model: The model.
        mean: Mean of the red, green and blue values in 0 to 1, as the video processor has it.
        std: Their standard deviation.
    """

    def __init__(self, model: FilaVideoModel, mean: list[float], std: list[float]):
        super().__init__()
        self.vision_tower = model.vision_tower
        self.register_buffer("mean", 255 * torch.tensor(mean)[:, None, None])  # (3, 1, 1)
        self.register_buffer("std", 255 * torch.tensor(std)[:, None, None])  # (3, 1, 1)

    def forward(self, frames: Tensor) -> Tensor:
        """(N, H, W, 3) uint8 -> (N, P, D)"""
        pixels = (frames.permute(0, 3, 1, 2).float() - self.mean) / self.std
        return encode_chunk(self.vision_tower, pixels)


class SceneTokens(nn.Module):
    """Patch features of the scenes -> visual tokens: merging, projector, pooling and newlines."""

    def __init__(self, model: FilaVideoModel):
        super().__init__()
        self.scene_merging = model.scene_merging
        self.multi_modal_projector = model.multi_modal_projector
        self.image_newline = model.image_newline
        config = model.config
        self.pool_mode, self.pool_stride = config.spatial_pool_mode, config.spatial_pool_stride
        self.newline_position = config.newline_position

    def forward(self, scenes: Tensor) -> Tensor:
        """(S, K, P, D) -> (L, C)"""
        maps = self.multi_modal_projector(self.scene_merging(scenes))  # (S, P, C)
        pooled = pool_feature_maps(maps, mode=self.pool_mode, stride=self.pool_stride)  # (S, Q, C)
        return add_newlines(pooled, self.image_newline, position=self.newline_position)


class TokenEmbedding(nn.Module):
    """Token ids -> embeddings."""

    def __init__(self, model: FilaVideoModel):
        super().__init__()
        self.embedding = model.get_input_embeddings()

    def forward(self, ids: Tensor) -> Tensor:
        """(T,) int64 -> (T, C)"""
        return self.embedding(ids)


class LanguageModel(nn.Module):
    """Embedded tokens, after those in the cache -> logits of the next token, and the longer cache."""

    def __init__(self, model: FilaVideoForConditionalGeneration):
        super().__init__()
        self.language_model = model.model.language_model
        self.lm_head = model.lm_head

    def forward(
        self, inputs_embeds: Tensor, attention_mask: Tensor, keys: list[Tensor], values: list[Tensor]
    ) -> dict[str, Any]:
        """
        Args:
            inputs_embeds: Shape (B, T, C).
            attention_mask: Shape (B, tokens in the cache + T).
            keys: For each layer, shape (B, heads, tokens in the cache, width of a head).
            values: The same.

        Returns:
            `logits` of shape (B, vocabulary), and the longer `keys` and `values`.
        """
        cache = DynamicCache(config=self.language_model.config)
        for layer, pair in enumerate(zip(keys, values, strict=True)):
            cache.update(*pair, layer)
        outputs = self.language_model(inputs_embeds=inputs_embeds, attention_mask=attention_mask, **{CACHE_NAME: cache})
        # Only the last position: the logits of a whole prompt would take gigabytes.
        logits = self.lm_head(outputs.last_hidden_state[:, -1])
        layers = getattr(outputs, CACHE_NAME).layers
        return {
            "logits": logits,
            "keys": [layer.keys for layer in layers],
            "values": [layer.values for layer in layers],
        }
