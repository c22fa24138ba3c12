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

Each module maps scenes (S, K, P, D), in time order, to feature maps (S, P, D). Their weights are plain parameters, so
a quantised model keeps them in floating point.

Shape letters: S scenes, K frames in a scene, P patches, D width; T tokens of a scene, A and B the two sides of a
bipartite match.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn


# In float32 the similarity of equal tokens is 1 only to about this much, and rounding must not choose among them.
SIMILARITY_STEP = 2.0**-18


class WeightedSceneMerging(nn.Module):
    """Weighted sum with learned weights, one for each frame, patch and channel (eq. 7, 8).

    merged[s, p, d] = sum over k of weight[k, p, d] * scenes[s, k, p, d]

    The weights start at 1/K, as the mean. They are not bound to sum to 1.
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
        # Multiply and add in one pass over the frames. `einsum` becomes a batched matrix product, for which CUDA
        # transposes a copy of all frames, and a product followed by a sum is as large as the frames themselves.
        frames, weights = scenes.unbind(dim=1), self.weight.unbind(dim=0)  # K of (S, P, D), K of (P, D)
        merged = frames[0] * weights[0]
        for frame, weight in zip(frames[1:], weights[1:], strict=True):
            merged = torch.addcmul(merged, frame, weight)
        return merged


class AverageSceneMerging(nn.Module):
    """Mean of the frames: eq. 7 with every weight 1/K."""

    def forward(self, scenes: Tensor) -> Tensor:
        """(S, K, P, D) -> (S, P, D)"""
        _check_rank(scenes)
        return scenes.mean(dim=1)


class AttentionSceneMerging(nn.Module):
    """Attention pooling (C.1): at each patch position the middle frame asks, and the frames of the scene answer.

    score[s, k, p] = <query_weight scenes[s, K // 2, p], key_weight scenes[s, k, p]> / sqrt(D)
    merged[s, p] = sum over k of softmax(score[s, :, p])[k] * scenes[s, k, p]

    Reading: one head without biases, and the values are the features themselves, so that the projector sees what it
    sees with the other methods.
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

    A round is Algorithm 1 (`merge_most_similar`) and can merge half of the tokens at most; K = 3 takes two rounds.

    Reading: tokens lie patch by patch, the frames of a patch next to each other, and keep that order. So a token meets
    the same patch in the neighbouring frames, K equal frames merge into exactly that frame, and the result still has
    the raster order that the pooling behind the projector relies on.
    """

    def forward(self, scenes: Tensor) -> Tensor:
        """(S, K, P, D) -> (S, P, D)"""
        _check_rank(scenes)
        num_patches = scenes.shape[2]
        # Half precision would match noise; autocast would bring it back.
        with torch.autocast(scenes.device.type, enabled=False):
            tokens = scenes.transpose(1, 2).flatten(1, 2).float()  # (S, T, D)
            sizes = torch.ones_like(tokens[..., :1])  # (S, T, 1)
            while (excess := tokens.shape[1] - num_patches) > 0:
                tokens, sizes = merge_most_similar(tokens, sizes, min(excess, tokens.shape[1] // 2))
        return tokens.to(scenes.dtype)


class SingleFrameMerging(nn.Module):
    """No merging: the one frame of a scene is its feature map."""

    def forward(self, scenes: Tensor) -> Tensor:
        """(S, 1, P, D) -> (S, P, D)"""
        _check_rank(scenes)
        if scenes.shape[1] != 1:
            raise ValueError(f"Without merging a scene is one frame; scenes have the shape {tuple(scenes.shape)}.")
        return scenes[:, 0]


def build_scene_merging(method: str, *, scene_size: int, num_patches: int, hidden_size: int) -> nn.Module:
    """The module of a merging method.

    Args:
        method: `"weighted"`, `"average"`, `"attention"`, `"bsm"` or `"none"`.
        scene_size: K, 1 for `"none"`.
        num_patches: P, patches of a frame.
        hidden_size: D, width of the vision tower.

    Raises:
        ValueError: if `method` is unknown, or is `"none"` and a scene has several frames.
    """
    if method == "none" and scene_size != 1:
        raise ValueError(f"scene_size={scene_size} contradicts method='none': without merging a scene is one frame.")
    builders = {
        "weighted": lambda: WeightedSceneMerging(scene_size, num_patches, hidden_size),
        "average": AverageSceneMerging,
        "attention": lambda: AttentionSceneMerging(hidden_size),
        "bsm": BipartiteSceneMerging,
        "none": SingleFrameMerging,
    }
    if method not in builders:
        raise ValueError(f"method={method!r} is unknown; choose one of {', '.join(map(repr, builders))}.")
    return builders[method]()


def merge_most_similar(tokens: Tensor, sizes: Tensor, num_merged: int) -> tuple[Tensor, Tensor]:
    """One round of bipartite soft matching (Algorithm 1; Bolya et al., Token Merging, 2023).

    The tokens are dealt in turn to A and B; each of A links to its most similar of B (cosine); the `num_merged`
    strongest links merge their token of A into that of B, as a mean weighted by how many tokens each stands for.
    Reading: the merged token keeps the place of its token of B, so the order of the tokens is preserved.

    Args:
        tokens: (S, T, D), float32.
        sizes: (S, T, 1), how many original tokens each stands for.
        num_merged: at most T // 2.

    Returns:
        The remaining tokens, (S, T - num_merged, D), and their sizes, (S, T - num_merged, 1).
    """
    a, b = tokens[:, 0::2], tokens[:, 1::2]  # (S, A, D), (S, B, D)
    size_a, size_b = sizes[:, 0::2], sizes[:, 1::2]  # (S, A, 1), (S, B, 1)
    joins, kept = match_tokens(a, b, num_merged)  # (S, B, A), (S, A - num_merged, 1)

    # A matrix product: the rounding of a scatter varies between runs on a GPU.
    size = size_b + joins @ size_a  # (S, B, 1)
    merged = (size_b * b + joins @ (size_a * a)) / size  # (S, B, D)

    place = torch.cat([2 * kept, (2 * torch.arange(b.shape[1], device=b.device)[:, None] + 1).expand_as(size)], dim=1)
    order = place.argsort(dim=1)  # (S, T - num_merged, 1)
    tokens = torch.cat([a.take_along_dim(kept, dim=1), merged], dim=1)
    sizes = torch.cat([size_a.take_along_dim(kept, dim=1), size], dim=1)
    return tokens.take_along_dim(order, dim=1), sizes.take_along_dim(order, dim=1)


@torch.no_grad()
def match_tokens(a: Tensor, b: Tensor, num_merged: int) -> tuple[Tensor, Tensor]:
    """Which tokens of A merge into which of B, and which stay (ties: the earliest; closer than 4e-6 is a tie).

    Returns:
        joins: (S, B, A), 1 where that token of A merges into that token of B, else 0.
        kept: (S, A - num_merged, 1) int64, the tokens of A that merge into none.
    """
    similarity = F.normalize(a, dim=-1) @ F.normalize(b, dim=-1).transpose(1, 2)  # (S, A, B)
    similarity = (similarity / SIMILARITY_STEP).round()
    strength, link = similarity.max(dim=2)  # (S, A), (S, A)
    order = strength.argsort(dim=1, descending=True, stable=True)  # (S, A)
    is_merged = torch.zeros_like(order, dtype=torch.bool).scatter(1, order[:, :num_merged], True)  # (S, A)
    target = torch.arange(b.shape[1], device=b.device)[:, None]  # (B, 1)
    joins = (link[:, None] == target) & is_merged[:, None]  # (S, B, A)
    return joins.to(a.dtype), order[:, num_merged:, None]


def _check_rank(scenes: Tensor) -> None:
    if scenes.ndim != 4:
        raise ValueError(f"scenes must have the shape (scenes, frames, patches, width), not {tuple(scenes.shape)}.")
