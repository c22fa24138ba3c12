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
"""Scene selection: from the N sampled frames of a video to S scenes of K frames (paper, eq. 1 to 6, Appendix B).

Pure functions on tensors. They run where the features are, and nothing waits for the device.

Shape letters: N frames, S scenes, K frames in a scene, P patches, D width; R <= K - 1 supplements;
A and B, the two sides of a bipartite match.
"""

from functools import partial
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from .kmeans import distances, in_double_precision, kmeans_representatives


SELECTIONS = ("kmeans", "uniform", "bsm")
SUPPLEMENTS = ("similar", "dissimilar")
KMEANS_INITS = ("random", "kmeans++")


class Scenes(NamedTuple):
    """Which frames were selected. Both fields hold frame indices, int64, and are in time order."""

    frame_indices: Tensor  # (S, K), in time order within a scene too
    representatives: Tensor  # (S,), strictly increasing; each is one of its scene's frames


def frame_representations(features: Tensor) -> Tensor:
    """One vector for each frame: the mean of its patches (eq. 1).

    Args:
        features: (N, P, D), of any floating dtype: what leaves the vision tower.

    Returns:
        (N, D), float32.

    Raises:
        ValueError: if `features` has another rank.
    """
    if features.ndim != 3:
        raise ValueError(f"features must have the shape (frames, patches, width), not {tuple(features.shape)}.")
    return features.mean(dim=1, dtype=torch.float32)


def select_scenes(
    representations: Tensor,
    *,
    num_scenes: int,
    scene_size: int,
    selection: str = "kmeans",
    supplement: str = "similar",
    kmeans_init: str = "random",
    kmeans_seed: int = 0,
    kmeans_max_iterations: int = 100,
    kmeans_tolerance: float = 1e-4,
) -> Tensor:
    """The frames of each scene: (S, K) int64. The arguments and errors are those of `find_scenes`."""
    return find_scenes(
        representations,
        num_scenes=num_scenes,
        scene_size=scene_size,
        selection=selection,
        supplement=supplement,
        kmeans_init=kmeans_init,
        kmeans_seed=kmeans_seed,
        kmeans_max_iterations=kmeans_max_iterations,
        kmeans_tolerance=kmeans_tolerance,
    ).frame_indices


@torch.no_grad()
def find_scenes(
    representations: Tensor,
    *,
    num_scenes: int,
    scene_size: int,
    selection: str = "kmeans",
    supplement: str = "similar",
    kmeans_init: str = "random",
    kmeans_seed: int = 0,
    kmeans_max_iterations: int = 100,
    kmeans_tolerance: float = 1e-4,
) -> Scenes:
    """Select S = min(N, num_scenes) scenes of K = scene_size frames, and say which frame represents each.

    With N <= num_scenes every frame is a scene, its frame repeated, whatever the method.

    Args:
        representations: (N, D), one vector for each frame in time order, of any floating dtype.
        num_scenes: M, the scenes to keep.
        scene_size: K = r + 1, a representative and r supplements.
        selection: `"kmeans"` (eq. 2 to 6), `"uniform"` (see `uniform_scenes`) or `"bsm"` (see `bipartite_scenes`).
        supplement: with `"kmeans"`, whether a scene takes the earlier frames most `"similar"` to its representative
            or the most `"dissimilar"` ones.
        kmeans_init: `"random"` (the paper) or `"kmeans++"`, how the first centres are drawn.
        kmeans_seed: of the clustering's own generator; the global one is never touched.
        kmeans_max_iterations: limit on Lloyd steps.
        kmeans_tolerance: Lloyd steps end when no centre moves farther than this, in units of the representations.

    Returns:
        `Scenes`, on the device of `representations`.

    Raises:
        ValueError: names the argument that is out of range or unknown, and its value.
    """
    _check_arguments(representations, num_scenes, scene_size, selection, supplement)
    _check_kmeans_arguments(kmeans_init, kmeans_max_iterations, kmeans_tolerance)
    num_frames, device = len(representations), representations.device
    if num_frames <= num_scenes:
        return single_frame_scenes(num_frames, scene_size, device=device)
    if selection == "uniform":
        return uniform_scenes(num_frames, num_scenes, scene_size, device=device)

    features = representations.float()  # (N, D)
    if selection == "bsm":
        return bipartite_scenes(features, num_scenes=num_scenes, scene_size=scene_size)
    representatives = kmeans_representatives(
        features,
        num_clusters=num_scenes,
        init=kmeans_init,
        seed=kmeans_seed,
        max_iterations=kmeans_max_iterations,
        tolerance=kmeans_tolerance,
    )  # (S,)
    frame_indices = supplemented_scenes(features, representatives, scene_size=scene_size, supplement=supplement)
    return Scenes(frame_indices, representatives)


def find_scenes_of_each(representations: Tensor, **options) -> Scenes:
    """`find_scenes` for V videos of equally many frames, as one after the other would have it.

    Args:
        representations: (V, N, D).
        options: of `find_scenes`.

    Returns:
        `Scenes` with `frame_indices` (V, S, K) and `representatives` (V, S).
    """
    if len(representations) > 1 and pays_to_batch(representations.device):
        return _find_scenes_together(representations, **options)
    found = [find_scenes(video, **options) for video in representations]
    return Scenes(*map(torch.stack, zip(*found, strict=True)))


def pays_to_batch(device: torch.device) -> bool:
    """Of one video the kernels are so small that a GPU takes its time for starting them. On a CPU each video may stop
    when its own clustering has ended."""
    return device.type == "cuda"


@torch.compiler.disable
def _find_scenes_together(representations: Tensor, **options) -> Scenes:
    # Each video draws its first centres from the same generator's state, as it would alone.
    return torch.vmap(partial(find_scenes, **options), randomness="same")(representations)


def single_frame_scenes(num_frames: int, scene_size: int, *, device: torch.device | str = "cpu") -> Scenes:
    """Every frame is a scene: its own representative, repeated to fill the scene."""
    frame = torch.arange(num_frames, device=device)  # (N,)
    return Scenes(frame[:, None].repeat(1, scene_size), frame)


def uniform_scenes(num_frames: int, num_scenes: int, scene_size: int, *, device: torch.device | str = "cpu") -> Scenes:
    """Scenes by time alone. Stage 4 trains with them: 96 frames become 32 scenes of 3 consecutive frames.

    Reading: the frames fall into S segments as equal as whole numbers allow, a segment into K equal parts, and the
    frame in the middle of each part is taken. So N = S * K uses each frame once, more frames leave even gaps, and a
    segment of fewer than K frames repeats some. The representative is the middle frame of its scene.
    """
    start, length = equal_segments(num_frames, num_scenes, device)  # (S, 1), (S, 1)
    part = torch.arange(scene_size, device=device)  # (K,)
    frame_indices = start + (2 * part + 1) * length // (2 * scene_size)  # (S, K)
    return Scenes(frame_indices, frame_indices[:, scene_size // 2])


def supplemented_scenes(features: Tensor, representatives: Tensor, *, scene_size: int, supplement: str) -> Tensor:
    """Add to each representative the r frames before it that are most like it, or least (eq. 5, 6).

    They come from strictly between the previous representative and this one, from the first frame on for the first
    scene (ties: the earliest). Where there are fewer than r, the representative is repeated.

    Args:
        features: (N, D), float32.
        representatives: (S,) int64, strictly increasing.
        scene_size: K = r + 1.
        supplement: `"similar"` or `"dissimilar"`.

    Returns:
        (S, K) int64, in time order.
    """
    frame = torch.arange(len(features), device=features.device)  # (N,)
    previous = F.pad(representatives[:-1], (1, 0), value=-1)  # (S,)
    is_candidate = (frame > previous[:, None]) & (frame < representatives[:, None])  # (S, N)
    distance = cosine_distances(features[representatives], features)  # (S, N)
    cost = distance if supplement == "similar" else -distance
    cost = cost.masked_fill(~is_candidate, torch.inf)
    supplements = cost.argsort(dim=1, stable=True)[:, : scene_size - 1]  # (S, R)
    return fill_scenes(representatives, supplements, is_candidate.gather(1, supplements), scene_size)


def bipartite_scenes(features: Tensor, *, num_scenes: int, scene_size: int) -> Scenes:
    """Scenes by bipartite matching (Appendix B).

    The frames fall into S equal segments; in each, the 1st, 3rd, ... frame form A and the others B. A frame of A links
    to the r frames of B that are most similar to it, and of these groups the strongest is the scene.

    Reading: a group is as strong as the sum of its cosine similarities, its frame of A is the representative, the
    earlier one wins a tie, and where B has fewer than r frames the representative is repeated. With r = 0 all groups
    tie, and the scene is the segment's first frame.

    Args:
        features: (N, D), float32, N > num_scenes.
    """
    num_frames = len(features)
    start, length = equal_segments(num_frames, num_scenes, features.device)  # (S, 1), (S, 1)
    offset = torch.arange(-(-num_frames // num_scenes), device=features.device)  # as in the longest segment
    frame, is_real = (start + offset).clamp(max=num_frames - 1), offset < length
    frame_a, frame_b = frame[:, 0::2], frame[:, 1::2]  # (S, A), (S, B)
    is_real_a, is_real_b = is_real[:, 0::2], is_real[:, 1::2]  # (S, A), (S, B)

    distance = cosine_distances(features[frame_a], features[frame_b])  # (S, A, B)
    distance = distance.masked_fill(~is_real_b[:, None], torch.inf)
    nearest, link = (part[..., : scene_size - 1] for part in distance.sort(dim=2, stable=True))  # (S, A, R)
    # Every frame of a segment's A has equally many links, so the smallest sum of distances is the strongest group.
    weakness = nearest.where(nearest < torch.inf, 0).sum(dim=2).masked_fill(~is_real_a, torch.inf)  # (S, A)
    strongest = weakness.argmin(dim=1, keepdim=True)  # (S, 1)

    representatives = frame_a.gather(1, strongest)[:, 0]  # (S,)
    link = link.take_along_dim(strongest[..., None], dim=1)[:, 0]  # (S, R)
    supplements, is_supplement = frame_b.gather(1, link), is_real_b.gather(1, link)  # (S, R), (S, R)
    return Scenes(fill_scenes(representatives, supplements, is_supplement, scene_size), representatives)


def fill_scenes(representatives: Tensor, supplements: Tensor, is_supplement: Tensor, scene_size: int) -> Tensor:
    """Scenes in time order, (S, K): the real ones among the `supplements` (S, R), the representative elsewhere."""
    own = representatives[:, None]  # (S, 1)
    supplements = torch.where(is_supplement, supplements, own)
    filling = own.expand(-1, scene_size - supplements.shape[1])  # (S, K - R): at least the representative itself
    return torch.cat([supplements, filling], dim=1).sort(dim=1).values


def equal_segments(num_frames: int, num_segments: int, device: torch.device | str) -> tuple[Tensor, Tensor]:
    """Start and length, both (S, 1), of consecutive segments that cover all frames; lengths differ by at most one."""
    segment = torch.arange(num_segments, device=device)[:, None]
    start = segment * num_frames // num_segments
    return start, (segment + 1) * num_frames // num_segments - start


def cosine_distances(left: Tensor, right: Tensor) -> Tensor:
    """1 - cosine similarity (eq. 5), float64: (..., A, D) and (..., B, D) -> (..., A, B).

    As half the squared distance between unit vectors, |u - v|^2 = 2 - 2 uv. It tells neighbouring frames apart, whose
    similarities are so close to 1 that they round to the same number, and equal frames get equal values. A zero vector
    has no direction and counts as orthogonal to all.
    """
    left, right = in_double_precision(left), in_double_precision(right)
    chord = distances(F.normalize(left, dim=-1), F.normalize(right, dim=-1))  # (..., A, B)
    is_zero = (left == 0).all(dim=-1)[..., :, None] | (right == 0).all(dim=-1)[..., None, :]
    return (chord.square() / 2).masked_fill(is_zero, 1)


def _check_arguments(
    representations: Tensor, num_scenes: int, scene_size: int, selection: str, supplement: str
) -> None:
    if representations.ndim != 2:
        raise ValueError(f"representations must have the shape (frames, width), not {tuple(representations.shape)}.")
    if len(representations) == 0:
        raise ValueError(f"representations of shape {tuple(representations.shape)} hold no frame.")
    if num_scenes < 1:
        raise ValueError(f"num_scenes={num_scenes} must be at least 1.")
    if scene_size < 1:
        raise ValueError(f"scene_size={scene_size} must be at least 1.")
    _check_choice("selection", selection, SELECTIONS)
    _check_choice("supplement", supplement, SUPPLEMENTS)


def _check_kmeans_arguments(init: str, max_iterations: int, tolerance: float) -> None:
    _check_choice("kmeans_init", init, KMEANS_INITS)
    if max_iterations < 1:
        raise ValueError(f"kmeans_max_iterations={max_iterations} must be at least 1.")
    if not tolerance >= 0:
        raise ValueError(f"kmeans_tolerance={tolerance} must not be negative.")


def _check_choice(name: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise ValueError(f"{name}={value!r} is unknown; choose one of {', '.join(map(repr, choices))}.")
