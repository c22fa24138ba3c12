"""The scenes that a model selected from one video, and the ways to show them.

Shape letters: N frames, S scenes, K frames per scene, P patches, D width of the vision tower.
"""

import html
import json
import math
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL.Image import Image

from fila_video.common.extras import require_extra
from fila_video.common.files import written_whole

from .clock import clock
from .contact_sheet import draw_contact_sheet
from .encoded_images import as_data_url


if TYPE_CHECKING:
    from matplotlib.figure import Figure

SUFFIXES = (".html", ".png", ".json")
MERGED_WITHOUT_WEIGHTS = "Only scene_merging='weighted' has merging weights, but this model has scene_merging={!r}."


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
class VideoScenes:
    """
    The scenes of one video. In a notebook, it shows the contact sheet.

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
        return f"VideoScenes({self.name!r}: {self.summary})"

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
            f"{clock(self.duration_seconds)} long, {self.num_frames} frames sampled, "
            f"{num_scenes} {'scene' if num_scenes == 1 else 'scenes'} of {size} ({how})"
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

    def contact_sheet(self, columns: int | None = None) -> Image:
        """Draws each scene as a card: its representative large, its supplements small, with their times.

        Args:
            columns: Number of cards in a row. Default: as many as fit into 2,100 pixels, in rows of equal length.

        Raises:
            ValueError: If `columns` is not positive.
        """
        return draw_contact_sheet(self, columns)

    def timeline(self) -> "Figure":
        """Draws when the frames were sampled, their clusters, and which were selected; below, uniform selection.

        Raises:
            ImportError: If matplotlib is missing.
        """
        _require_matplotlib()
        from .figures import draw_timeline

        return draw_timeline(self)

    def similarity(self) -> "Figure":
        """Draws the cosine similarity of any two sampled frames, with the scenes marked.

        Raises:
            ImportError: If matplotlib is missing.
        """
        _require_matplotlib()
        from .figures import draw_similarity

        return draw_similarity(self)

    def merging_weights(self) -> "Figure":
        """Draws how far the model's merging weights are from the mean, for each frame of a scene and patch.

        Raises:
            ValueError: If the model merges without weights.
            ImportError: If matplotlib is missing.
        """
        if self.merging_weight is None:
            raise ValueError(MERGED_WITHOUT_WEIGHTS.format(self.settings["scene_merging"]))
        _require_matplotlib()
        from .figures import draw_weights

        return draw_weights(self)

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

    def save(self, path: str | Path, video_href: str | None = None) -> Path:
        """Writes a page, the contact sheet, or the data.

        Args:
            path: File to write. `.html` is one page with all pictures that needs no other file, `.png` the contact
                sheet, `.json` what `to_dict` returns.
            video_href: For `.html`, the address of the video relative to the page, which then plays it; "" for none.
                Default: the video itself, if it lies in the folder of the page or below.

        Returns:
            The path of the file.

        Raises:
            ValueError: If the suffix is none of these, or `video_href` is not relative.
            OSError: If the file cannot be written.
        """
        path = Path(path)
        suffix = path.suffix.lower()
        if suffix not in SUFFIXES:
            raise ValueError(f"{path} must end with one of {', '.join(SUFFIXES)}.")
        if suffix != ".html" and video_href is not None:
            raise ValueError(f"video_href={video_href!r} is for a page, but {path} is none: it must end with .html.")
        with written_whole(path) as part:
            if suffix == ".png":
                self.contact_sheet().save(part, format="png", optimize=True)
            else:
                part.write_text(self._text_of(path, video_href), encoding="utf-8")
        return path

    def _text_of(self, path: Path, video_href: str | None) -> str:
        if path.suffix.lower() == ".json":
            return json.dumps(self.to_dict(), ensure_ascii=False, allow_nan=False) + "\n"
        from .page import address_of, make_page

        return make_page(self, address_of(self.path, path) if video_href is None else video_href)

    def _repr_html_(self) -> str:
        """Shows the contact sheet in a notebook."""
        sheet = self.contact_sheet()
        alt = html.escape(f"Contact sheet of {self.name}: {self.summary}")
        address = as_data_url(np.asarray(sheet), quality=82)
        return f'<img src="{address}" alt="{alt}" style="width: 100%; max-width: {sheet.width // 2}px">'


def _require_matplotlib() -> None:
    require_extra("scenes", ["matplotlib"], purpose="A figure of scenes")
