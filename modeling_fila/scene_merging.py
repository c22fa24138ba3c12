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
"""Scene merging: the K frames of a scene become one feature map (paper, eq. 7 and 8, Appendix C).

Each module maps scenes of shape (S, K, P, D), in time order, to feature maps of shape (S, P, D). The weights are plain
parameters, so a quantized model keeps them in floating point.

Shape letters: S scenes, K frames per scene, P patches, D width of the vision tower.
"""

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .modeling_choices import SCENE_MERGINGS, check_choice


# In float32 the similarity of equal tokens is 1 only to about this precision. Rounding must not choose between them.
SIMILARITY_STEP = 2.0**-18


class WeightedSceneMerging(nn.Module):
    """Weighted sum of the frames, with one learned weight per frame, patch and channel (eq. 7, 8).

    merged[s, p, d] = sum over k of weight[k, p, d] * scenes[s, k, p, d]

    The weights start at 1/K, which is the mean. They need not sum to 1.
    """

    def __init__(self, scene_size: int, num_patches: int, hidden_size: int):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(scene_size, num_patches, hidden_size))  # (K, P, D)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        nn.init.constant_(self.weight, 1 / len(self.weight))

    def forward(self, scenes: Tensor) -> Tensor:
        """(S, K, P, D) -> (S, P, D)"""
        if scenes.shape[1:] != self.weight.shape:
            raise ValueError(
                f"Scenes of shape {tuple(scenes.shape)} do not fit the merging weight of shape "
                f"{tuple(self.weight.shape)}: expected (scenes, {', '.join(map(str, self.weight.shape))})."
            )
        # One pass over the frames that multiplies and adds. `einsum` becomes a batched matrix product, for which CUDA
        # copies all frames in transposed order. A product followed by a sum needs as much memory as the frames.
        frames, weights = scenes.unbind(dim=1), self.weight.unbind(dim=0)  # K of (S, P, D), K of (P, D)
        merged = frames[0] * weights[0]
        for frame, weight in zip(frames[1:], weights[1:], strict=True):
            merged = torch.addcmul(merged, frame, weight)
        return merged


class AverageSceneMerging(nn.Module):
    """Mean of the frames: eq. 7 with every weight equal to 1/K."""

    def forward(self, scenes: Tensor) -> Tensor:
        """(S, K, P, D) -> (S, P, D)"""
        _check_rank(scenes)
        return scenes.mean(dim=1)


class AttentionSceneMerging(nn.Module):
    """Attention pooling (C.1): at each patch position, the middle frame is the query and all frames are the keys.

    score[s, k, p] = <query_weight scenes[s, K // 2, p], key_weight scenes[s, k, p]> / sqrt(D)
    merged[s, p] = sum over k of softmax(score[s, :, p])[k] * scenes[s, k, p]

    Reading of the paper: there is one head without biases, and the values are the features themselves. The projector
    then sees the same kind of features as with the other methods.
    """

    def __init__(self, hidden_size: int):
        super().__init__()
        self.query_weight = nn.Parameter(torch.empty(hidden_size, hidden_size))  # (D, D)
        self.key_weight = nn.Parameter(torch.empty(hidden_size, hidden_size))  # (D, D)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        nn.init.xavier_uniform_(self.query_weight)
        nn.init.xavier_uniform_(self.key_weight)

    def forward(self, scenes: Tensor) -> Tensor:
        """(S, K, P, D) -> (S, P, D)"""
        _check_rank(scenes)
        scene_size, hidden_size = scenes.shape[1], scenes.shape[3]
        if hidden_size != len(self.key_weight):
            raise ValueError(
                f"Scenes of shape {tuple(scenes.shape)} do not fit the attention weights of shape "
                f"{tuple(self.key_weight.shape)}: their widths differ."
            )
        query = F.linear(scenes[:, scene_size // 2], self.query_weight)  # (S, P, D)
        keys = F.linear(scenes, self.key_weight)  # (S, K, P, D)
        scores = (query[:, None] * keys).sum(dim=-1, dtype=torch.float32) / math.sqrt(hidden_size)  # (S, K, P)
        shares = scores.softmax(dim=1).to(scenes.dtype)  # (S, K, P)
        return (shares[..., None] * scenes).sum(dim=1)  # (S, P, D)


class BipartiteSceneMerging(nn.Module):
    """Bipartite token merging (C.2): the K * P tokens of a scene are merged down to P, the most similar ones first.

    One round is Algorithm 1 (`merge_most_similar`). A round can merge at most half of the tokens, so K = 3 takes two.

    Reading of the paper: the tokens are ordered by patch, then by frame, and keep that order. A token is therefore
    matched with the same patch in the neighboring frames, and K equal frames merge into exactly that frame. The result
    still has the raster order that the pooling after the projector relies on.
    """

    def forward(self, scenes: Tensor) -> Tensor:
        """(S, K, P, D) -> (S, P, D)"""
        _check_rank(scenes)
        num_patches = scenes.shape[2]
        # In half precision the matching would follow rounding errors, and autocast would switch back to it.
        with torch.autocast(scenes.device.type, enabled=False):
            tokens = scenes.transpose(1, 2).flatten(1, 2).float()  # (S, P * K, D)
            sizes = torch.ones_like(tokens[..., :1])  # (S, P * K, 1)
            while (excess := tokens.shape[1] - num_patches) > 0:
                tokens, sizes = merge_most_similar(tokens, sizes, min(excess, tokens.shape[1] // 2))
        return tokens.to(scenes.dtype)  # (S, P, D)


class SingleFrameMerging(nn.Module):
    """No merging: the single frame of a scene is its feature map."""

    def forward(self, scenes: Tensor) -> Tensor:
        """(S, 1, P, D) -> (S, P, D)"""
        _check_rank(scenes)
        if scenes.shape[1] != 1:
            raise ValueError(f"Without merging a scene is one frame; scenes have the shape {tuple(scenes.shape)}.")
        return scenes[:, 0]


def build_scene_merging(method: str, *, scene_size: int, num_patches: int, hidden_size: int) -> nn.Module:
    """Makes the module of a merging method.

    Args:
        method: `"weighted"`, `"average"`, `"attention"`, `"bsm"` or `"none"`.
        scene_size: K. It is 1 for `"none"`.
        num_patches: P.
        hidden_size: D.

    Raises:
        ValueError: If `method` is unknown, or if it is `"none"` and a scene has several frames.
    """
    check_choice("method", method, SCENE_MERGINGS)
    if method == "none" and scene_size != 1:
        raise ValueError(f"scene_size={scene_size} contradicts method='none': without merging a scene is one frame.")
    builders: dict[str, Callable[[], nn.Module]] = {
        "weighted": lambda: WeightedSceneMerging(scene_size, num_patches, hidden_size),
        "average": AverageSceneMerging,
        "attention": lambda: AttentionSceneMerging(hidden_size),
        "bsm": BipartiteSceneMerging,
        "none": SingleFrameMerging,
    }
    return builders[method]()


def merge_most_similar(tokens: Tensor, sizes: Tensor, num_merged: int) -> tuple[Tensor, Tensor]:
    """Runs one round of bipartite soft matching (Algorithm 1; Bolya et al., Token Merging, 2023).

    The tokens alternate between sources (the paper's set A) and targets (set B). Each source is linked to its most
    similar target (cosine). The `num_merged` strongest links merge their source into their target. The result is a mean
    that is weighted by the number of original tokens that each of the two stands for.

    Reading of the paper: a merged token keeps the place of its target, so the order of the tokens is preserved.

    Args:
        tokens: Shape (S, tokens, D), float32.
        sizes: The number of original tokens that each token stands for, shape (S, tokens, 1).
        num_merged: Number of tokens to merge into others, at most half of the tokens.

    Returns:
        The remaining tokens, shape (S, tokens - num_merged, D), and their sizes, shape (S, tokens - num_merged, 1).
    """
    sources, targets = tokens[:, 0::2], tokens[:, 1::2]  # (S, sources, D), (S, targets, D)
    source_sizes, target_sizes = sizes[:, 0::2], sizes[:, 1::2]  # (S, sources, 1), (S, targets, 1)
    joins, kept = match_tokens(sources, targets, num_merged)  # (S, targets, sources), (S, kept sources, 1)

    # Matrix products, because the rounding of a scatter varies between runs on a GPU.
    merged_sizes = target_sizes + joins @ source_sizes  # (S, targets, 1)
    merged = (target_sizes * targets + joins @ (source_sizes * sources)) / merged_sizes  # (S, targets, D)

    target_place = 2 * torch.arange(targets.shape[1], device=targets.device)[:, None] + 1  # (targets, 1)
    place = torch.cat([2 * kept, target_place.expand_as(merged_sizes)], dim=1)  # (S, tokens - num_merged, 1)
    order = place.argsort(dim=1)  # (S, tokens - num_merged, 1)
    tokens = torch.cat([take_tokens(sources, kept), merged], dim=1)
    sizes = torch.cat([take_tokens(source_sizes, kept), merged_sizes], dim=1)
    return take_tokens(tokens, order), take_tokens(sizes, order)


def take_tokens(tokens: Tensor, places: Tensor) -> Tensor:
    """Takes tokens of shape (S, tokens, D) at places of shape (S, taken, 1), which gives the shape (S, taken, D)."""
    # `take_along_dim` would make the number of scenes a constant of an exported model.
    return tokens.gather(1, places.expand(-1, -1, tokens.shape[-1]))


@torch.no_grad()
def match_tokens(sources: Tensor, targets: Tensor, num_merged: int) -> tuple[Tensor, Tensor]:
    """Decides which sources merge into which targets, and which sources stay.

    Ties go to the earliest token. Similarities that differ by less than 4e-6 are a tie.

    Args:
        sources: Shape (S, sources, D), float32.
        targets: Shape (S, targets, D), float32.
        num_merged: Number of sources that merge into a target.

    Returns:
        joins: Shape (S, targets, sources), 1 where the source merges into the target, else 0.
        kept: Indices of the sources that stay, shape (S, sources - num_merged, 1), int64.
    """
    similarity = F.normalize(sources, dim=-1) @ F.normalize(targets, dim=-1).transpose(1, 2)  # (S, sources, targets)
    similarity = (similarity / SIMILARITY_STEP).round()
    strength, link = similarity.max(dim=2)  # (S, sources), (S, sources)
    order = strength.sort(dim=1, descending=True, stable=True).indices  # (S, sources)
    is_merged = torch.zeros_like(order, dtype=torch.bool).scatter(1, order[:, :num_merged], True)  # (S, sources)
    target = torch.arange(targets.shape[1], device=targets.device)[:, None]  # (targets, 1)
    joins = (link[:, None] == target) & is_merged[:, None]  # (S, targets, sources)
    return joins.to(sources.dtype), order[:, num_merged:, None]


def _check_rank(scenes: Tensor) -> None:
    if scenes.ndim != 4:
        raise ValueError(f"scenes must have the shape (scenes, frames, patches, width), not {tuple(scenes.shape)}.")
