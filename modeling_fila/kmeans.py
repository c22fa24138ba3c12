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
"""K-means on the frames of a video, and the frame that represents each cluster (paper, eq. 2 and 3).

Every function here gives the same result on every run: random numbers come from a private generator, sums do not
depend on the order of threads, and ties go to the earliest frame. No function waits for a GPU to finish.

Shape letters: N frames, S scenes (each scene is one cluster), D width of the vision tower.
"""

import math
from functools import partial

import torch
from torch import Tensor

from .exporting import draw_as_constant, is_exporting


# The two members of a cluster of two are equally far from its center. Rounding must not choose between them.
RELATIVE_TIE = 1e-6


# torch.compile would unroll every Lloyd step, and the generator breaks the graph in any case.
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
    """Clusters the frames and returns the representative of each cluster, in time order.

    Args:
        features: Shape (N, D), float32.
        num_clusters: S, smaller than N.
        init: `"random"` (the paper) or `"kmeans++"`. See `draw_first_centers`.
        seed: Seed of the generator that draws the first centers. The global generator is never used.
        max_iterations: Maximum number of Lloyd steps.
        tolerance: The Lloyd steps end when no center moves farther than this, in units of the features.

    Returns:
        Frame indices of shape (S,), int64, strictly increasing, on the device of `features`.
    """
    assignment = kmeans_assignment(
        features, num_clusters=num_clusters, init=init, seed=seed, max_iterations=max_iterations, tolerance=tolerance
    )  # (N,)
    return nearest_members(features, assignment, num_clusters).sort().values  # (S,)


@torch.compiler.disable
@torch.no_grad()
def kmeans_assignment(
    features: Tensor,
    *,
    num_clusters: int,
    init: str = "random",
    seed: int = 0,
    max_iterations: int = 100,
    tolerance: float = 1e-4,
) -> Tensor:
    """Clusters the frames. Arguments as for `kmeans_representatives`.

    Returns:
        The cluster of each frame, shape (N,), int64, on the device of `features`.
    """
    first = draw_first_centers(features, num_clusters, init=init, seed=seed)  # (S,)
    return lloyd(
        features,
        features[first],
        max_iterations=max_iterations,
        tolerance=tolerance,
        # Reading a result is free on the CPU. On any other device it waits for all queued work.
        stop_early=features.device.type == "cpu" and not is_exporting(),
    )  # (N,)


def draw_first_centers(features: Tensor, num_clusters: int, *, init: str, seed: int) -> Tensor:
    """Draws the frames whose features are the first centers.

    `"random"` draws S of the N frames without replacement, as the paper does. `"kmeans++"` is the greedy method of
    Arthur and Vassilvitskii (2007). It adds one center after the other. For each it draws 2 + log(S) frames, with a
    probability proportional to their squared distance from the nearest center so far, and keeps the best of them.

    Returns:
        Frame indices of shape (S,), int64, in the order in which they were drawn.
    """
    draw = partial(draw_random_numbers, len(features), num_clusters, init=init, seed=seed)
    drawn = draw_as_constant(draw) if is_exporting() else draw()
    drawn = drawn.to(features.device, non_blocking=True)
    return drawn if init == "random" else spread_first_centers(features, drawn)


def draw_random_numbers(num_frames: int, num_clusters: int, *, init: str, seed: int) -> Tensor:
    """Draws what `draw_first_centers` needs. It depends on the number of frames, not on what they show.

    Returns:
        For `"random"` the frames themselves, shape (S,), int64. For `"kmeans++"` the waiting times of
        `spread_first_centers`, shape (S, trials, N), float32.
    """
    generator = torch.Generator("cpu").manual_seed(seed)
    if init == "random":
        return torch.randperm(num_frames, generator=generator, device="cpu")[:num_clusters]
    num_trials = 2 + int(math.log(num_clusters))
    return torch.empty(num_clusters, num_trials, num_frames, device="cpu").exponential_(generator=generator)


def spread_first_centers(features: Tensor, races: Tensor) -> Tensor:
    """Runs greedy k-means++ with random numbers that were drawn beforehand.

    Each frame has an exponential waiting time, which is divided by the frame's weight. The frame with the shortest
    time wins, so a frame wins with a probability proportional to its weight. Unlike a draw from a cumulative sum, this
    does not depend on rounding that varies between runs on a GPU.

    Args:
        features: Shape (N, D), float32.
        races: Draws from the standard exponential distribution, shape (S, trials, N).

    Returns:
        Frame indices of shape (S,), int64.
    """
    frame = races[0, 0].argmin(dim=0, keepdim=True)  # (1,): all frames have the same weight
    drawn, weight = [frame], distances(features[frame], features)[0].square()  # weight: (N,)
    for race in races[1:]:
        trials = (weight / race).argmax(dim=1)  # (trials,)
        remaining = torch.minimum(weight, distances(features[trials], features).square())  # (trials, N)
        best = remaining.sum(dim=1).argmin(dim=0, keepdim=True)  # (1,)
        drawn.append(trials[best])
        weight = remaining[best][0]
    return torch.cat(drawn)  # (S,)


def lloyd(features: Tensor, centers: Tensor, *, max_iterations: int, tolerance: float, stop_early: bool) -> Tensor:
    """Repeats Lloyd steps (eq. 2, 3) until they converge or reach the limit.

    They have converged when no assignment changes or no center moves farther than `tolerance`.

    Args:
        features: Shape (N, D), float32.
        centers: The first centers, shape (S, D), float32.
        max_iterations: Maximum number of steps.
        tolerance: In units of the features.
        stop_early: Whether to end the loop after convergence. If false, all `max_iterations` steps are queued without
            waiting for the device, and the steps after convergence leave the result unchanged. The result is the same
            either way.

    Returns:
        The cluster of each frame, shape (N,), int64.
    """
    assignment = torch.full((len(features),), -1, device=features.device)  # (N,)
    converged = torch.zeros((), dtype=torch.bool, device=features.device)
    for _ in range(max_iterations):
        new_assignment, new_centers = lloyd_step(features, centers)
        is_still = (new_assignment == assignment).all()
        is_near = (new_centers - centers).norm(dim=1).amax() <= tolerance
        assignment = torch.where(converged, assignment, new_assignment)
        centers = torch.where(converged, centers, new_centers)
        converged = converged | is_still | is_near
        if stop_early and converged:
            break
    return assignment


def lloyd_step(features: Tensor, centers: Tensor) -> tuple[Tensor, Tensor]:
    """Assigns each frame to its nearest center (eq. 2) and moves each center to the mean of its frames (eq. 3).

    Ties go to the first center. An empty cluster restarts at the feature that was farthest from its own center.
    Reading of the paper: if several clusters are empty, they restart at the same feature. The first of them gets that
    feature, and the others move on in the next step.

    Returns:
        The assignment, shape (N,), int64, and the new centers, shape (S, D), float32.
    """
    own_distance, assignment = distances(features, centers).min(dim=1)  # (N,), (N,)
    means, size = cluster_means(features, assignment, len(centers))  # (S, D), (S, 1)
    farthest = features[own_distance.argmax(dim=0, keepdim=True)]  # (1, D)
    return assignment, torch.where(size > 0, means.to(features.dtype), farthest)


def nearest_members(features: Tensor, assignment: Tensor, num_clusters: int) -> Tensor:
    """Returns the representative of each cluster: the member nearest to its mean (ties: the earliest).

    Reading of the paper: a cluster can stay empty to the end if fewer than S features differ. Such a cluster is
    represented by the frame farthest from its own center that represents no other cluster (ties: the earliest).

    Returns:
        Distinct frame indices of shape (S,), int64, in the order of the clusters.
    """
    num_frames = len(features)
    frame = torch.arange(num_frames, device=features.device)  # (N,)
    is_member = membership(assignment, num_clusters)  # (S, N)
    means, _ = cluster_means(features, assignment, num_clusters)  # (S, D)
    own_distance = (features - means[assignment]).norm(dim=1)  # (N,)
    nearest = own_distance.where(is_member, torch.inf).amin(dim=1, keepdim=True)  # (S, 1)
    is_nearest = is_member & (own_distance <= nearest * (1 + RELATIVE_TIE))  # (S, N)
    representatives = frame.where(is_nearest, num_frames).amin(dim=1)  # (S,), num_frames for an empty cluster
    return represent_empty_clusters(representatives, own_distance)


def represent_empty_clusters(representatives: Tensor, own_distance: Tensor) -> Tensor:
    """Gives each empty cluster the frame with the largest distance that is not yet a representative.

    Args:
        representatives: Frame indices of shape (S,). An empty cluster has the index N, the number of frames.
        own_distance: Distance of each frame from its own center, shape (N,).

    Returns:
        Distinct frame indices of shape (S,), int64.
    """
    num_frames = len(own_distance)
    is_used = torch.zeros(num_frames + 1, dtype=torch.bool, device=own_distance.device)
    is_used = is_used.scatter(0, representatives, True)[:num_frames]  # (N,)
    spare = own_distance.masked_fill(is_used, -1).argsort(descending=True, stable=True)  # (N,)
    is_empty = representatives == num_frames  # (S,)
    turn = (is_empty.cumsum(dim=0) - 1).clamp(min=0)  # (S,)
    return torch.where(is_empty, spare[turn], representatives)


def cluster_means(features: Tensor, assignment: Tensor, num_clusters: int) -> tuple[Tensor, Tensor]:
    """Returns the mean of each cluster, (S, D), and its size, (S, 1). The mean of an empty cluster is NaN.

    This is one matrix product in float64. Unlike the rounding of a scatter, its rounding does not vary between runs.
    Autocast and TF32 do not affect it, and the mean of equal features is exactly that feature.
    """
    features = in_double_precision(features)
    is_member = membership(assignment, num_clusters).to(features.dtype)  # (S, N)
    size = is_member.sum(dim=1, keepdim=True)  # (S, 1)
    return is_member @ features / size, size


def membership(assignment: Tensor, num_clusters: int) -> Tensor:
    """Turns the cluster of each frame, (N,), into a bool matrix, (S, N)."""
    return assignment == torch.arange(num_clusters, device=assignment.device)[:, None]


def distances(left: Tensor, right: Tensor) -> Tensor:
    """Returns the Euclidean distance of each left vector from each right vector.

    The distances are computed from differences. A matrix product would lose the small distances inside a cluster that
    is far from zero, and would give equal features unequal distances.

    Args:
        left: Shape (..., left, D).
        right: Shape (..., right, D).

    Returns:
        Shape (..., left, right).
    """
    return torch.cdist(left, right, compute_mode="donot_use_mm_for_euclid_dist")


def in_double_precision(features: Tensor) -> Tensor:
    """Converts to float64, except on Apple's GPUs, which do not support it."""
    return features if features.device.type == "mps" else features.double()
