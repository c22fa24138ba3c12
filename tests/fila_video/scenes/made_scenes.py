"""Scenes made up without a model: frame n of N is one color, and its neighbors are its scene."""

from typing import Any

import numpy as np

from fila_video.scenes import VideoScenes


def made_scenes(
    num_scenes: int = 4, scene_size: int = 3, size: tuple[int, int] = (45, 80), **changes: Any
) -> VideoScenes:
    """Scenes of `scene_size` frames each, one second apart; the last frame of each is the representative."""
    count = num_scenes * scene_size
    frames = np.arange(count).reshape(num_scenes, scene_size)
    thumbnails = np.empty((count, *size, 3), dtype=np.uint8)
    thumbnails[...] = color_of(np.arange(count), count)[:, None, None]
    away = np.abs(np.subtract.outer(np.arange(count), np.arange(count)))
    values: dict[str, Any] = {
        "name": "clip.mp4",
        "path": None,
        "duration_seconds": float(count),
        "frame_indices": np.arange(count) * 25,
        "frame_seconds": np.arange(count, dtype=np.float64),
        "thumbnails": thumbnails,
        "similarities": (1 - away / count).astype(np.float32),
        "clusters": np.repeat(np.arange(num_scenes), scene_size),
        "scene_frames": frames,
        "representatives": frames[:, -1],
        "uniform": frames[:, scene_size // 2],
        "merging_weight": None,
        "settings": {"scene_selection": "kmeans", "scene_supplement": "similar", "scene_merging": "average"},
    }
    return VideoScenes(**{**values, **changes})


def color_of(frame: Any, count: int) -> np.ndarray:
    """The color of a frame; no two frames have the same."""
    share = np.asarray(frame) / count
    return np.stack([255 * share, 255 - 200 * share, 90 + 0 * share], axis=-1).astype(np.uint8)
