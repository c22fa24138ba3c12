"""Scene selection in NumPy: eq. 1 and 5, and Appendix B of the paper. `modeling_fila.scene_selection` is the same in
PyTorch, and explains how the paper was read.

Shape letters: N frames, S scenes, K frames per scene, D width of the vision tower; R supplements, at most K - 1.
"""

from collections.abc import Callable

import numpy as np

from .clustering import distances, kmeans_representatives
from .settings import Settings


def find_scenes(
    features: np.ndarray, settings: Settings, first_centers: Callable[[int], np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """Selects S = min(N, num_scenes) scenes.

    Args:
        features: The mean features of the frames (eq. 1), shape (N, D), float32.
        settings: How scenes are selected.
        first_centers: Returns the random numbers that draw the first centers of N frames.

    Returns:
        The frames of each scene, shape (S, K), and their representatives, shape (S,); both in time order.
    """
    num_frames, scene_size = len(features), settings.scene_size
    if settings.num_scenes is None or num_frames <= settings.num_scenes:
        frame = np.arange(num_frames)
        return np.repeat(frame[:, None], scene_size, axis=1), frame
    if settings.selection == "uniform":
        return uniform_scenes(num_frames, settings.num_scenes, scene_size)
    if settings.selection == "bsm":
        return bipartite_scenes(features, settings.num_scenes, scene_size)
    representatives = kmeans_representatives(
        features,
        first_centers(num_frames),
        init=settings.kmeans_init,
        max_iterations=settings.kmeans_max_iterations,
        tolerance=settings.kmeans_tolerance,
    )
    return supplemented_scenes(features, representatives, scene_size, settings.supplement), representatives


def uniform_scenes(num_frames: int, num_scenes: int, scene_size: int) -> tuple[np.ndarray, np.ndarray]:
    """Selects scenes by time alone: the middle frames of K parts of each of S equal segments."""
    start, length = equal_segments(num_frames, num_scenes)
    frames = start + (2 * np.arange(scene_size) + 1) * length // (2 * scene_size)
    return frames, frames[:, scene_size // 2]


def supplemented_scenes(
    features: np.ndarray, representatives: np.ndarray, scene_size: int, supplement: str
) -> np.ndarray:
    """Adds to each representative its most or least similar earlier frames (eq. 5); returns the shape (S, K)."""
    frame = np.arange(len(features))
    previous = np.concatenate([[-1], representatives[:-1]])
    is_candidate = (frame > previous[:, None]) & (frame < representatives[:, None])  # (S, N)
    distance = cosine_distances(features[representatives], features)  # (S, N)
    cost = np.where(is_candidate, distance if supplement == "similar" else -distance, np.inf)
    supplements = np.argsort(cost, axis=1, kind="stable")[:, : scene_size - 1]  # (S, R)
    return fill_scenes(representatives, supplements, np.take_along_axis(is_candidate, supplements, axis=1), scene_size)


def bipartite_scenes(features: np.ndarray, num_scenes: int, scene_size: int) -> tuple[np.ndarray, np.ndarray]:
    """Selects the strongest group of similar frames in each of S equal segments (Appendix B)."""
    num_frames = len(features)
    start, length = equal_segments(num_frames, num_scenes)  # (S, 1), (S, 1)
    offset = np.arange(-(-num_frames // num_scenes))  # of the longest segment
    frame, is_real = np.minimum(start + offset, num_frames - 1), offset < length
    sources, targets = frame[:, 0::2], frame[:, 1::2]
    is_source, is_target = is_real[:, 0::2], is_real[:, 1::2]

    distance = cosine_distances(features[sources], features[targets])  # (S, sources, targets)
    distance = np.where(is_target[:, None], distance, np.inf)
    link = np.argsort(distance, axis=2, kind="stable")[..., : scene_size - 1]  # (S, sources, R)
    nearest = np.take_along_axis(distance, link, axis=2)
    weakness = np.where(nearest < np.inf, nearest, 0).sum(axis=2)
    strongest = np.where(is_source, weakness, np.inf).argmin(axis=1)[:, None]  # (S, 1)

    representatives = np.take_along_axis(sources, strongest, axis=1)[:, 0]
    link = np.take_along_axis(link, strongest[..., None], axis=1)[:, 0]  # (S, R)
    supplements, is_supplement = np.take_along_axis(targets, link, 1), np.take_along_axis(is_target, link, 1)
    return fill_scenes(representatives, supplements, is_supplement, scene_size), representatives


def fill_scenes(
    representatives: np.ndarray, supplements: np.ndarray, is_supplement: np.ndarray, scene_size: int
) -> np.ndarray:
    """Joins representatives (S,) and supplements (S, R) into scenes (S, K); representatives fill empty places."""
    own = representatives[:, None]
    filling = np.repeat(own, scene_size - supplements.shape[1], axis=1)
    return np.sort(np.concatenate([np.where(is_supplement, supplements, own), filling], axis=1), axis=1)


def equal_segments(num_frames: int, num_segments: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns start and length of S consecutive segments of equal length, both of shape (S, 1)."""
    segment = np.arange(num_segments)[:, None]
    start = segment * num_frames // num_segments
    return start, (segment + 1) * num_frames // num_segments - start


def cosine_distances(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Returns 1 - cosine similarity (eq. 5), float64: (..., left, D), (..., right, D) -> (..., left, right)."""
    left, right = left.astype(np.float64), right.astype(np.float64)
    is_zero = (left == 0).all(axis=-1, keepdims=True) | (right == 0).all(axis=-1)[..., None, :]
    return np.where(is_zero, 1, distances(_unit(left), _unit(right)) ** 2 / 2)


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-12)
