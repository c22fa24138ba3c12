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
"""K-means on the frames of a video, and the frame that stands for each cluster (paper, eq. 2 and 3).

Everything here gives the same result on every run: random numbers come from a generator of its own, sums do not
depend on the order of threads, and ties go to the earliest. On an accelerator nothing waits for the device.

Shape letters: N frames, S clusters (one for each scene), D width.
"""

import math

import torch
from torch import Tensor


# Two members of a cluster of two are equally far from its centre, and rounding must not choose between them.
RELATIVE_TIE = 1e-6


# Compiling would unroll every Lloyd step, and the generator breaks the graph in any case.
@torch.compiler.disable
@torch.no_grad()
def kmeans_representatives(
    features: Tensor,
    *,
    num_clusters: int,
    init: str = "random",
    seed: int = 0,
    max_iterations: int = 100,
    tolerance: float = 1e-4,
) -> Tensor:
    """The frames that stand for the clusters, in time order.

    Args:
        features: (N, D), float32.
        num_clusters: S, less than N.
        init: `"random"`, the paper's start, or `"kmeans++"`; see `draw_first_centres`.
        seed: of the generator that draws the first centres.
        max_iterations: limit on Lloyd steps.
        tolerance: Lloyd steps end when no centre moves farther than this, in units of the features.

    Returns:
        (S,) int64, strictly increasing frame indices, on the device of `features`.
    """
    first = draw_first_centres(features, num_clusters, init=init, seed=seed)  # (S,)
    assignment = lloyd(
        features,
        features[first],
        max_iterations=max_iterations,
        tolerance=tolerance,
        # Looking at a result is free on the CPU and a wait on any other device.
        stop_early=features.device.type == "cpu",
    )  # (N,)
    return nearest_members(features, assignment, num_clusters).sort().values  # (S,)


def draw_first_centres(features: Tensor, num_clusters: int, *, init: str, seed: int) -> Tensor:
    """The frames whose features are the first centres: (S,) int64, in the order they were drawn.

    `"random"` draws S of the N frames without replacement, as the paper does. `"kmeans++"` is the greedy method of
    Arthur and Vassilvitskii (2007): one centre after the other, each the best of 2 + log(S) frames that are drawn with
    a probability proportional to their squared distance from the nearest centre so far.
    """
    generator = torch.Generator("cpu").manual_seed(seed)
    if init == "random":
        drawn = torch.randperm(len(features), generator=generator, device="cpu")[:num_clusters]  # (S,)
        return drawn.to(features.device, non_blocking=True)
    num_trials = 2 + int(math.log(num_clusters))
    races = torch.empty(num_clusters, num_trials, len(features), device="cpu").exponential_(generator=generator)
    return spread_first_centres(features, races.to(features.device, non_blocking=True))


def spread_first_centres(features: Tensor, races: Tensor) -> Tensor:
    """Greedy k-means++ from random numbers drawn beforehand.

    The frame whose exponential waiting time, divided by its weight, is the shortest wins with a probability
    proportional to its weight. That takes no cumulative sum, whose rounding varies between runs on a GPU.

    Args:
        features: (N, D), float32.
        races: (S, trials, N), draws of the standard exponential distribution.

    Returns:
        (S,) int64 frame indices.
    """
    frame = races[0, 0].argmin(dim=0, keepdim=True)  # (1,): every frame weighs the same
    drawn, weight = [frame], distances(features[frame], features)[0].square()  # weight: (N,)
    for race in races[1:]:
        trials = (weight / race).argmax(dim=1)  # (trials,)
        remaining = torch.minimum(weight, distances(features[trials], features).square())  # (trials, N)
        best = remaining.sum(dim=1).argmin(dim=0, keepdim=True)  # (1,)
        drawn.append(trials[best])
        weight = remaining[best][0]
    return torch.cat(drawn)  # (S,)


def lloyd(features: Tensor, centres: Tensor, *, max_iterations: int, tolerance: float, stop_early: bool) -> Tensor:
    """Lloyd steps (eq. 2, 3) until no assignment changes, no centre moves farther than `tolerance`, or the limit.

    Without `stop_early` all `max_iterations` steps are queued without once waiting for the device, and those after
    convergence leave the result as it is, so that it is the same either way.

    Args:
        features: (N, D), float32.
        centres: (S, D), float32, the first centres.

    Returns:
        (N,) int64: the cluster of each frame.
    """
    assignment = torch.full((len(features),), -1, device=features.device)  # (N,)
    converged = torch.zeros((), dtype=torch.bool, device=features.device)
    for _ in range(max_iterations):
        new_assignment, new_centres = lloyd_step(features, centres)
        is_still = (new_assignment == assignment).all()
        is_near = (new_centres - centres).norm(dim=1).amax() <= tolerance
        assignment = torch.where(converged, assignment, new_assignment)
        centres = torch.where(converged, centres, new_centres)
        converged = converged | is_still | is_near
        if stop_early and converged:
            break
    return assignment


def lloyd_step(features: Tensor, centres: Tensor) -> tuple[Tensor, Tensor]:
    """Each frame joins the nearest centre (eq. 2; ties: the first), and each centre moves to its mean (eq. 3).

    An empty cluster restarts at the feature that was farthest from its own centre. Reading: when several are empty,
    they restart at the same feature; the first of them wins it, and the others move on in the next step.

    Returns:
        The assignment, (N,) int64, and the new centres, (S, D) float32.
    """
    own_distance, assignment = distances(features, centres).min(dim=1)  # (N,), (N,)
    means, size = cluster_means(features, assignment, len(centres))  # (S, D), (S, 1)
    farthest = features[own_distance.argmax(dim=0, keepdim=True)]  # (1, D)
    return assignment, torch.where(size > 0, means.to(features.dtype), farthest)


def nearest_members(features: Tensor, assignment: Tensor, num_clusters: int) -> Tensor:
    """The representative of each cluster: its member nearest to its mean (ties: the earliest).

    Reading: a cluster that is empty to the end, as happens when fewer than S features differ, is represented by the
    frame farthest from its own centre that represents no other cluster (ties: the earliest).

    Returns:
        (S,) int64, distinct frame indices, in the order of the clusters.
    """
    num_frames = len(features)
    frame = torch.arange(num_frames, device=features.device)  # (N,)
    is_member = membership(assignment, num_clusters)  # (S, N)
    means, _ = cluster_means(features, assignment, num_clusters)  # (S, D)
    own_distance = (features - means[assignment]).norm(dim=1)  # (N,)
    nearest = own_distance.where(is_member, torch.inf).amin(dim=1, keepdim=True)  # (S, 1)
    is_nearest = is_member & (own_distance <= nearest * (1 + RELATIVE_TIE))  # (S, N)
    representatives = frame.where(is_nearest, num_frames).amin(dim=1)  # (S,), N where there is none
    return represent_empty_clusters(representatives, own_distance)


def represent_empty_clusters(representatives: Tensor, own_distance: Tensor) -> Tensor:
    """Fill each N in `representatives` (S,) with the frame of largest `own_distance` (N,) that is not in use."""
    num_frames = len(own_distance)
    is_used = torch.zeros(num_frames + 1, dtype=torch.bool, device=own_distance.device)
    is_used = is_used.scatter(0, representatives, True)[:num_frames]  # (N,)
    spare = own_distance.masked_fill(is_used, -1).argsort(descending=True, stable=True)  # (N,)
    is_empty = representatives == num_frames  # (S,)
    turn = (is_empty.cumsum(dim=0) - 1).clamp(min=0)  # (S,)
    return torch.where(is_empty, spare[turn], representatives)


def cluster_means(features: Tensor, assignment: Tensor, num_clusters: int) -> tuple[Tensor, Tensor]:
    """The mean of each cluster, (S, D), NaN for an empty one, and its size, (S, 1).

    One matrix product in float64: unlike a scatter its rounding does not vary between runs, autocast and TF32 leave it
    alone, and the mean of equal features is that very feature.
    """
    features = in_double_precision(features)
    is_member = membership(assignment, num_clusters).to(features.dtype)  # (S, N)
    size = is_member.sum(dim=1, keepdim=True)  # (S, 1)
    return is_member @ features / size, size


def membership(assignment: Tensor, num_clusters: int) -> Tensor:
    """(N,) cluster of each frame -> (S, N) bool."""
    return assignment == torch.arange(num_clusters, device=assignment.device)[:, None]


def distances(left: Tensor, right: Tensor) -> Tensor:
    """Euclidean distances, (..., A, D) and (..., B, D) -> (..., A, B).

    From differences, not from a matrix product: that loses the small distances in a cluster which is far from zero,
    and gives equal features unequal distances.
    """
    return torch.cdist(left, right, compute_mode="donot_use_mm_for_euclid_dist")


def in_double_precision(features: Tensor) -> Tensor:
    """float64, except on Apple's GPUs, which have none."""
    return features if features.device.type == "mps" else features.double()
