"""K-means of the frames, in NumPy: eq. 2 to 4 of the paper. `modeling_fila.kmeans` is the same in PyTorch.

Shape letters: N frames, S scenes (each scene is one cluster), D width of the vision tower.
"""

import numpy as np


RELATIVE_TIE = 1e-6  # as in `modeling_fila.kmeans`


def kmeans_representatives(
    features: np.ndarray, first_centers: np.ndarray, *, init: str, max_iterations: int, tolerance: float
) -> np.ndarray:
    """Clusters the frames and returns the representative of each cluster.

    Args:
        features: Shape (N, D), float32.
        first_centers: The random numbers that `modeling_fila.kmeans.draw_random_numbers` drew for N frames.
        init: `"random"` or `"kmeans++"`.
        max_iterations: Maximum number of Lloyd steps.
        tolerance: The Lloyd steps end when no center moves farther than this, in units of the features.

    Returns:
        Frame indices of shape (S,), int64, strictly increasing.
    """
    first = first_centers if init == "random" else spread_first_centers(features, first_centers)
    assignment = lloyd(features, features[first], max_iterations=max_iterations, tolerance=tolerance)
    return np.sort(nearest_members(features, assignment, len(first)))


def spread_first_centers(features: np.ndarray, races: np.ndarray) -> np.ndarray:
    """Runs greedy k-means++ with waiting times of shape (S, trials, N); returns frame indices of shape (S,)."""
    frame = races[0, 0].argmin()
    drawn, weight = [frame], distances(features[[frame]], features)[0] ** 2
    for race in races[1:]:
        trials = (weight / race).argmax(axis=1)
        remaining = np.minimum(weight, distances(features[trials], features) ** 2)
        best = remaining.sum(axis=1).argmin()
        drawn.append(trials[best])
        weight = remaining[best]
    return np.array(drawn)


def lloyd(features: np.ndarray, centers: np.ndarray, *, max_iterations: int, tolerance: float) -> np.ndarray:
    """Repeats Lloyd steps (eq. 2, 3); returns the cluster of each frame, shape (N,)."""
    assignment = np.full(len(features), -1)
    for _ in range(max_iterations):
        own_distances = distances(features, centers)  # (N, S)
        new_assignment = own_distances.argmin(axis=1)
        means, size = cluster_means(features, new_assignment, len(centers))
        farthest = features[own_distances.min(axis=1).argmax()]
        new_centers = np.where(size > 0, means.astype(features.dtype), farthest)
        is_still = np.array_equal(new_assignment, assignment)
        is_near = np.linalg.norm(new_centers - centers, axis=1).max() <= tolerance
        assignment, centers = new_assignment, new_centers
        if is_still or is_near:
            break
    return assignment


def nearest_members(features: np.ndarray, assignment: np.ndarray, num_clusters: int) -> np.ndarray:
    """Returns the member nearest to the mean of each cluster (eq. 4; ties: the earliest), shape (S,)."""
    num_frames = len(features)
    is_member = assignment == np.arange(num_clusters)[:, None]  # (S, N)
    means, _ = cluster_means(features, assignment, num_clusters)
    own_distance = np.linalg.norm(features - means[assignment], axis=1)  # (N,)
    nearest = np.where(is_member, own_distance, np.inf).min(axis=1, keepdims=True)  # (S, 1)
    is_nearest = is_member & (own_distance <= nearest * (1 + RELATIVE_TIE))
    representatives = np.where(is_nearest, np.arange(num_frames), num_frames).min(axis=1)
    # An empty cluster gets the frame farthest from its own center that represents no other cluster.
    is_empty = representatives == num_frames
    is_used = np.isin(np.arange(num_frames), representatives)
    spare = np.argsort(np.where(is_used, 1, -own_distance), kind="stable")
    representatives[is_empty] = spare[: is_empty.sum()]
    return representatives


def cluster_means(features: np.ndarray, assignment: np.ndarray, num_clusters: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns the mean of each cluster, (S, D) float64, NaN for an empty one, and its size, (S, 1)."""
    is_member = (assignment == np.arange(num_clusters)[:, None]).astype(np.float64)
    size = is_member.sum(axis=1, keepdims=True)
    with np.errstate(invalid="ignore"):
        return is_member @ features.astype(np.float64) / size, size


def distances(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Returns Euclidean distances, computed from differences: (..., left, D), (..., right, D) -> (..., left, right)."""
    return np.linalg.norm(left[..., :, None, :] - right[..., None, :, :], axis=-1)
