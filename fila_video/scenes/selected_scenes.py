"""What a model selected from one video: the data that all pictures are drawn from.

Shape letters: N frames, S scenes, K frames per scene, P patches, D width of the vision tower.
"""

import math
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from fila_video.common.counted import counted

from .clock import clock


@dataclass(frozen=True)
class Scene:
    """
    One scene. Frames are numbers of sampled frames, from 0 to N - 1.

    Attributes:
        number: Place among the scenes in time order, from 0.
        representative: The frame nearest to the center of its cluster.
        supplements: The other frames of the scene in time order, each once.
    """

    number: int
    representative: int
    supplements: tuple[int, ...]


@dataclass(frozen=True, eq=False, repr=False)
class SelectedScenes:
    """
    The scenes of one video.

    Attributes:
        name: Name of the file; "video" if it has none.
        path: The file, if the video was given as one.
        duration_seconds: Length of the video.
        frame_indices: Which frames of the video were sampled, `(N,)` int64.
        frame_seconds: When each sampled frame is shown, `(N,)` float64.
        thumbnails: The sampled frames, `(N, height, width, 3)` uint8.
        similarities: Cosine similarity of the representations of any two frames, `(N, N)` float32.
        clusters: The scene to whose cluster each frame belongs, `(N,)` int64.
        scene_frames: The sampled frames of each scene in time order, `(S, K)` int64. A scene without enough
            supplements repeats its representative.
        representatives: The representative of each scene, `(S,)` int64, one of the N frames.
        uniform: The frames that uniform selection would choose as representatives, `(S,)` int64.
        merging_weight: The weights W (eq. 7) with which a scene is merged, `(K, P, D)` float32. They belong to the
            model and are the same for all videos. None if the model merges in another way.
        settings: `scene_selection`, `scene_supplement` and `scene_merging`.
    """

    name: str
    path: Path | None
    duration_seconds: float
    frame_indices: np.ndarray
    frame_seconds: np.ndarray
    thumbnails: np.ndarray
    similarities: np.ndarray
    clusters: np.ndarray
    scene_frames: np.ndarray
    representatives: np.ndarray
    uniform: np.ndarray
    merging_weight: np.ndarray | None
    settings: dict[str, str]

    def __post_init__(self) -> None:
        count, num_scenes = len(self.frame_seconds), len(self.representatives)
        assert len(self.frame_indices) == len(self.thumbnails) == len(self.clusters) == count
        assert self.similarities.shape == (count, count)
        assert len(self.scene_frames) == len(self.uniform) == num_scenes

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r}: {self.summary})"

    @property
    def num_frames(self) -> int:
        """N, the number of sampled frames."""
        return len(self.frame_seconds)

    @cached_property
    def scenes(self) -> list[Scene]:
        """The scenes in time order."""
        pairs = zip(self.representatives.tolist(), self.scene_frames.tolist(), strict=True)
        return [
            Scene(number, representative, tuple(frame for frame in dict.fromkeys(frames) if frame != representative))
            for number, (representative, frames) in enumerate(pairs)
        ]

    @property
    def summary(self) -> str:
        """What was sampled and selected, in a few words."""
        selection, supplement = self.settings["scene_selection"], self.settings["scene_supplement"]
        how = f"{selection}, {supplement} supplements" if selection == "kmeans" else selection
        if self.settings["scene_merging"] == "none":
            how = "every frame"
        num_scenes, size = self.scene_frames.shape
        return (
            f"{clock(self.duration_seconds)} long, {counted(self.num_frames, 'frame')} sampled, "
            f"{counted(num_scenes, 'scene')} of {size} ({how})"
        )

    @property
    def merging_maps(self) -> np.ndarray | None:
        """How far W is from the mean 1/K for each frame of a scene and patch, `(K, side, side)`, in % of 1/K.

        This is the mean over the D channels. None if the model merges without weights.
        """
        if self.merging_weight is None:
            return None
        num_frames, num_patches, _ = self.merging_weight.shape
        side = math.isqrt(num_patches)
        moves = (self.merging_weight.mean(axis=2, dtype=np.float64) * num_frames - 1) * 100  # (K, P)
        return moves.reshape(num_frames, side, side)

    def to_dict(self) -> dict[str, Any]:
        """Returns everything but the pictures, ready for JSON. docs/scenes.md describes the keys."""
        seconds, maps = self.frame_seconds.tolist(), self.merging_maps
        return {
            "video": {"name": self.name, "duration_seconds": self.duration_seconds},
            "settings": dict(self.settings),
            "frames": [
                {"frame": frame, "index_in_video": index, "seconds": seconds[frame], "cluster": cluster}
                for frame, (index, cluster) in enumerate(
                    zip(self.frame_indices.tolist(), self.clusters.tolist(), strict=True)
                )
            ],
            "scenes": [
                {
                    "representative": representative,
                    "representative_seconds": seconds[representative],
                    "frames": frames,
                    "frame_seconds": [seconds[frame] for frame in frames],
                }
                for representative, frames in zip(
                    self.representatives.tolist(), self.scene_frames.tolist(), strict=True
                )
            ],
            "uniform": [{"frame": frame, "seconds": seconds[frame]} for frame in self.uniform.tolist()],
            "similarities": self.similarities.astype(float).round(6).tolist(),
            "merging_maps": None if maps is None else maps.round(6).tolist(),
        }
