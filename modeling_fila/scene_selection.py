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

These are pure functions of tensors. They run on the device of the features, and never wait for that device.

Shape letters: V videos, N frames, S scenes, K frames per scene, P patches, D width of the vision tower;
R supplements of a scene (the paper's r), at most K - 1.
"""

from functools import partial
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from .exporting import is_exporting
from .kmeans import distances, in_double_precision, kmeans_assignment, kmeans_representatives, nearest_members
from .modeling_choices import KMEANS_INITS, SCENE_SELECTIONS, SCENE_SUPPLEMENTS, check_at_least, check_choice


class Scenes(NamedTuple):
    """The selected frames. Both fields hold frame indices, int64, in time order."""

    frame_indices: Tensor  # (S, K); the frames inside a scene are also in time order
    representatives: Tensor  # (S,), strictly increasing; each is one of the frames of its scene


def frame_representations(features: Tensor) -> Tensor:
    """Averages the patches of each frame, which gives one vector per frame (eq. 1).

    Args:
        features: Output of the vision tower, shape (N, P, D), any floating dtype.

    Returns:
        Shape (N, D), float32.

    Raises:
        ValueError: If `features` does not have three dimensions.
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
    """Returns the frames of each scene, shape (S, K), int64. Arguments and errors are those of `find_scenes`."""
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
    """Selects S = min(N, num_scenes) scenes of K = scene_size frames, and the representative of each scene.

    If N <= num_scenes, every frame becomes a scene in which it is repeated, whatever the method.

    Args:
        representations: One vector per frame in time order, shape (N, D), any floating dtype.
        num_scenes: Number of scenes to keep (the paper's M).
        scene_size: K, the number of frames in a scene: one representative and its supplements.
        selection: `"kmeans"` (eq. 2 to 6), `"uniform"` (see `uniform_scenes`) or `"bsm"` (see `bipartite_scenes`).
        supplement: With `"kmeans"`, whether the supplements of a scene are the earlier frames that are most `"similar"`
            to its representative, or the most `"dissimilar"` ones.
        kmeans_init: How the first centers are drawn: `"random"` (the paper) or `"kmeans++"`.
        kmeans_seed: Seed of the generator that draws the first centers. The global generator is never used.
        kmeans_max_iterations: Maximum number of Lloyd steps.
        kmeans_tolerance: The Lloyd steps end when no center moves farther than this, in units of the representations.

    Returns:
        The scenes, on the device of `representations`.

    Raises:
        ValueError: If an argument is unknown or out of range. The message names the argument and its value.
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


@torch.no_grad()
def find_clusters(representations: Tensor, *, num_scenes: int, selection: str = "kmeans", **options) -> Tensor:
    """Tells which scene each frame is nearest to: the frames from which `find_scenes` chose the representatives.

    With `"kmeans"`, these are the clusters, numbered by the time of their representatives; a frame that represents a
    cluster without members (see `nearest_members`) counts as its only member. With `"uniform"` and `"bsm"`, they are
    the segments of the video. If N <= num_scenes, every frame has its own number.

    Args:
        representations: One vector per frame in time order, shape (N, D), any floating dtype.
        num_scenes: Number of scenes to keep.
        selection: `"kmeans"`, `"uniform"` or `"bsm"`.
        options: The other keyword arguments of `find_scenes`.

    Returns:
        Shape (N,), int64, values in [0, S). The representative of scene s has the value s.

    Raises:
        ValueError: As `find_scenes` does.
    """
    representatives = find_scenes(
        representations, num_scenes=num_scenes, selection=selection, **options
    ).representatives
    num_frames, frame = len(representations), torch.arange(len(representations), device=representations.device)
    if num_frames <= num_scenes:
        return frame
    if selection != "kmeans":
        start, _ = equal_segments(num_frames, num_scenes, representations.device)  # (S, 1)
        return torch.searchsorted(start[:, 0], frame, right=True) - 1
    features = representations.float()  # (N, D)
    kmeans_options = {name.removeprefix("kmeans_"): value for name, value in options.items() if "kmeans" in name}
    assignment = kmeans_assignment(features, num_clusters=num_scenes, **kmeans_options)  # (N,)
    by_cluster = nearest_members(features, assignment, num_scenes)  # (S,)
    scene = torch.searchsorted(representatives, by_cluster)  # (S,)
    return scene[assignment].scatter(0, by_cluster, scene)


def find_scenes_of_each(representations: Tensor, **options) -> Scenes:
    """Runs `find_scenes` on V videos with the same number of frames. The result is that of one video at a time.

    Args:
        representations: Shape (V, N, D).
        options: Keyword arguments of `find_scenes`.

    Returns:
        `Scenes` with `frame_indices` of shape (V, S, K) and `representatives` of shape (V, S).
    """
    if len(representations) > 1 and pays_to_batch(representations.device) and not is_exporting():
        return _find_scenes_together(representations, **options)
    found = [find_scenes(video, **options) for video in representations]
    return Scenes(*map(torch.stack, zip(*found, strict=True)))


def pays_to_batch(device: torch.device) -> bool:
    """Whether clustering several videos at once is faster on this device.

    For a single video, kernel launches dominate the time on a GPU. On a CPU, each video can stop as soon as its own
    clustering has converged.
    """
    return device.type == "cuda"


@torch.compiler.disable
def _find_scenes_together(representations: Tensor, **options) -> Scenes:
    # randomness="same": each video draws its first centers from the same state of the generator, as it would alone.
    return torch.vmap(partial(find_scenes, **options), randomness="same")(representations)


def single_frame_scenes(num_frames: int, scene_size: int, *, device: torch.device | str = "cpu") -> Scenes:
    """Makes every frame a scene. The frame is the representative, and is repeated to fill the scene."""
    frame = torch.arange(num_frames, device=device)  # (N,)
    return Scenes(frame[:, None].repeat(1, scene_size), frame)


def uniform_scenes(num_frames: int, num_scenes: int, scene_size: int, *, device: torch.device | str = "cpu") -> Scenes:
    """Selects scenes by time alone. Stage 4 trains with them: 96 frames become 32 scenes of 3 consecutive frames.

    Reading of the paper: the frames are divided into S segments of equal length (to within one frame), and each
    segment into K equal parts. The frame in the middle of each part is taken. So N = S * K uses each frame once, more
    frames leave even gaps, and a segment of fewer than K frames repeats some of them. The representative is the middle
    frame of its scene.
    """
    start, length = equal_segments(num_frames, num_scenes, device)  # (S, 1), (S, 1)
    part = torch.arange(scene_size, device=device)  # (K,)
    frame_indices = start + (2 * part + 1) * length // (2 * scene_size)  # (S, K)
    return Scenes(frame_indices, frame_indices[:, scene_size // 2])


def supplemented_scenes(features: Tensor, representatives: Tensor, *, scene_size: int, supplement: str) -> Tensor:
    """Adds to each representative the r earlier frames that are most or least similar to it (eq. 5, 6).

    The candidates lie strictly between the previous representative and this one. For the first scene they start at the
    first frame. Ties go to the earliest frame. If there are fewer than r candidates, the representative is repeated.

    Args:
        features: Shape (N, D), float32.
        representatives: Shape (S,), int64, strictly increasing.
        scene_size: K = r + 1.
        supplement: `"similar"` or `"dissimilar"`.

    Returns:
        Frame indices of shape (S, K), int64, in time order.
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
    """Selects scenes by bipartite matching (Appendix B).

    The frames are divided into S equal segments. In each segment, the 1st, 3rd, ... frame are the sources (the paper's
    set A), and the others are the targets (set B). Each source forms a group with the r targets that are most similar
    to it. The strongest group is the scene.

    Reading of the paper: the strength of a group is the sum of its cosine similarities, and its source is the
    representative. Ties go to the earlier group. If a segment has fewer than r targets, the representative is repeated.
    With r = 0 all groups tie, and the scene is the first frame of the segment.

    Args:
        features: Shape (N, D), float32, with N > num_scenes.
        num_scenes: S.
        scene_size: K = r + 1.
    """
    num_frames = len(features)
    start, length = equal_segments(num_frames, num_scenes, features.device)  # (S, 1), (S, 1)
    offset = torch.arange(-(-num_frames // num_scenes), device=features.device)  # of the longest segment
    frame, is_real = (start + offset).clamp(max=num_frames - 1), offset < length
    sources, targets = frame[:, 0::2], frame[:, 1::2]  # (S, sources), (S, targets)
    is_source, is_target = is_real[:, 0::2], is_real[:, 1::2]  # (S, sources), (S, targets)

    distance = cosine_distances(features[sources], features[targets])  # (S, sources, targets)
    distance = distance.masked_fill(~is_target[:, None], torch.inf)
    nearest, link = (part[..., : scene_size - 1] for part in distance.sort(dim=2, stable=True))  # (S, sources, R)
    # All sources of a segment have the same number of links, so the smallest sum of distances is the strongest group.
    weakness = nearest.where(nearest < torch.inf, 0).sum(dim=2).masked_fill(~is_source, torch.inf)  # (S, sources)
    strongest = weakness.argmin(dim=1, keepdim=True)  # (S, 1)

    representatives = sources.gather(1, strongest)[:, 0]  # (S,)
    link = link.take_along_dim(strongest[..., None], dim=1)[:, 0]  # (S, R)
    supplements, is_supplement = targets.gather(1, link), is_target.gather(1, link)  # (S, R), (S, R)
    return Scenes(fill_scenes(representatives, supplements, is_supplement, scene_size), representatives)


def fill_scenes(representatives: Tensor, supplements: Tensor, is_supplement: Tensor, scene_size: int) -> Tensor:
    """Joins representatives and supplements into scenes.

    Args:
        representatives: Shape (S,), int64.
        supplements: Shape (S, R), int64.
        is_supplement: Shape (S, R), bool. Where it is false, the representative takes the place of the supplement.
        scene_size: K. The rest of the scene, at least one place, is filled with the representative.

    Returns:
        Frame indices of shape (S, K), in time order.
    """
    own = representatives[:, None]  # (S, 1)
    supplements = torch.where(is_supplement, supplements, own)
    filling = own.expand(-1, scene_size - supplements.shape[1])  # (S, K - R)
    return torch.cat([supplements, filling], dim=1).sort(dim=1).values


def equal_segments(num_frames: int, num_segments: int, device: torch.device | str) -> tuple[Tensor, Tensor]:
    """Divides the frames into consecutive segments whose lengths differ by at most one.

    Returns:
        Start and length of each segment in frames, both of shape (num_segments, 1).
    """
    segment = torch.arange(num_segments, device=device)[:, None]
    start = segment * num_frames // num_segments
    return start, (segment + 1) * num_frames // num_segments - start


def cosine_distances(left: Tensor, right: Tensor) -> Tensor:
    """Returns 1 - cosine similarity (eq. 5) of each left vector with each right vector, float64.

    It is computed as half the squared distance between unit vectors: |u - v|^2 = 2 - 2 uv. The similarities of
    neighboring frames are so close to 1 that they round to the same number, but these distances still differ, and equal
    frames get equal values. A zero vector has no direction and counts as orthogonal to all vectors.

    Args:
        left: Shape (..., left, D).
        right: Shape (..., right, D).

    Returns:
        Shape (..., left, right).
    """
    left, right = in_double_precision(left), in_double_precision(right)
    chord = distances(F.normalize(left, dim=-1), F.normalize(right, dim=-1))  # (..., left, right)
    is_zero = (left == 0).all(dim=-1)[..., :, None] | (right == 0).all(dim=-1)[..., None, :]
    return (chord.square() / 2).masked_fill(is_zero, 1)


def _check_arguments(
    representations: Tensor, num_scenes: int, scene_size: int, selection: str, supplement: str
) -> None:
    if representations.ndim != 2:
        raise ValueError(f"representations must have the shape (frames, width), not {tuple(representations.shape)}.")
    if len(representations) == 0:
        raise ValueError(f"representations of shape {tuple(representations.shape)} hold no frame.")
    check_at_least("num_scenes", num_scenes, 1)
    check_at_least("scene_size", scene_size, 1)
    check_choice("selection", selection, SCENE_SELECTIONS)
    check_choice("supplement", supplement, SCENE_SUPPLEMENTS)


def _check_kmeans_arguments(init: str, max_iterations: int, tolerance: float) -> None:
    check_choice("kmeans_init", init, KMEANS_INITS)
    check_at_least("kmeans_max_iterations", max_iterations, 1)
    check_at_least("kmeans_tolerance", tolerance, 0)
