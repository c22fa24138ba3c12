"""Which share of the parts of a long video the selected scenes cover: the number behind the paper's Figure 1.

Videos are joined from cuts of real clips, with very unequal lengths. N frames are spread evenly over such a video, as
FilaVideoProcessor does. A way of selecting scenes is good if many cuts have a representative and if representatives
differ from each other.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn import functional as F

from fila_video.common.statistics import bootstrap_ratio_interval
from fila_video.common.tables import markdown_table
from modeling_fila.scene_options import with_scene_options
from modeling_fila.scene_selection import find_scenes, frame_representations
from modeling_fila.vision_features import encode_frames
from processing_fila.reader import VideoReader


SAMPLES_PER_SECOND = 10
FRAMES_PER_CHUNK = 32
SHORTEST_SECONDS, LONGEST_SECONDS = 0.5, 30.0  # of a cut
# Ways of selecting scenes, as arguments of `find_scenes`.
METHODS: dict[str, dict[str, Any]] = {
    "uniform": {"selection": "uniform"},
    "bipartite": {"selection": "bsm"},
    "k-means, random start": {"selection": "kmeans", "kmeans_init": "random"},
    "k-means++": {"selection": "kmeans", "kmeans_init": "kmeans++"},
}
EVEN_FRAMES = "even frames"  # the same number of evenly spaced frames, without any selection
HEADERS = ("scenes", "selection", "cuts covered", "95 % interval", "shorter half", "redundancy")


@dataclass(frozen=True)
class Coverage:
    """
    How well a method covers the cuts of joined videos. All shares are means over videos.

    Args:
        method: A key of `METHODS`, or `EVEN_FRAMES`.
        num_scenes: Number of scenes.
        covered: Share of the cuts that have a representative.
        interval: 95 % interval of `covered` (bootstrap over videos).
        covered_short: The same share among the shorter half of each video's cuts.
        redundancy: Cosine similarity of a representative to the representative that resembles it most. It is that of
            the features by which scenes are selected, so it cannot be compared from one layer to another.
    """

    method: str
    num_scenes: int
    covered: float
    interval: tuple[float, float]
    covered_short: float
    redundancy: float


def encode_clips(
    model: Any, processor: Any, paths: Sequence[Path], selection_layer: int | None = None
) -> list[torch.Tensor]:
    """
    Encodes `SAMPLES_PER_SECOND` frames per second of each clip.

    Args:
        model: A FiLA-Video model, of which only the vision tower is used.
        processor: Its FilaVideoProcessor.
        paths: Video files.
        selection_layer: Number of layers of the tower after which scenes are selected. Default: as the model's
            configuration says.

    Returns:
        For each clip, the mean features of its frames, `(frames, D)`.

    Raises:
        ValueError: If `selection_layer` is out of range.
        VideoReadError: (an `OSError`) If a clip cannot be read.
    """
    asked = None if selection_layer is None else {"selection_layer": selection_layer}
    num_layers = with_scene_options(model.config, asked).selection_layer
    found = []
    for path in paths:
        with VideoReader(path) as reader:
            seconds = np.arange(0, reader.duration_seconds, 1 / SAMPLES_PER_SECOND)
            size = processor.video_processor.size
            frames = [frame for frame, _ in reader.frames_at(seconds=seconds, size=(size["height"], size["width"]))]
        inputs = processor.video_processor(np.stack(frames), do_sample_frames=False, return_tensors="pt")
        with torch.no_grad():
            pixels = inputs["pixel_values_videos"][0]
            features = encode_frames(model.model.vision_tower, pixels, FRAMES_PER_CHUNK, num_layers)
        found.append(frame_representations(features).float())
    return found


def draw_cuts(clips: Sequence[torch.Tensor], rng: np.random.Generator) -> list[torch.Tensor]:
    """
    Draws one cut of every clip, in random order. The logarithms of their lengths are uniformly distributed.

    A cut that is longer than its clip plays the clip forward and backward again.

    Args:
        clips: Features of each clip, `(frames, D)`.
        rng: Source of random numbers.

    Returns:
        Features of each cut, `(frames, D)`.
    """
    cuts = []
    for place in rng.permutation(len(clips)):
        clip = clips[place]
        seconds = np.exp(rng.uniform(np.log(SHORTEST_SECONDS), np.log(LONGEST_SECONDS)))
        length = max(round(seconds * SAMPLES_PER_SECOND), 1)
        there_and_back = torch.cat([clip, clip.flip(0)])
        start = int(rng.integers(len(clip)))
        cuts.append(there_and_back[(torch.arange(length) + start) % len(there_and_back)])
    return cuts


def measure_coverage(
    clips: Sequence[torch.Tensor], *, num_frames: int, numbers_of_scenes: Sequence[int], num_videos: int, seed: int = 0
) -> list[Coverage]:
    """
    Measures every method on the same joined videos.

    Args:
        clips: Features of each clip, `(frames, D)`.
        num_frames: Number of frames sampled from each joined video.
        numbers_of_scenes: Numbers of scenes to select.
        num_videos: Number of videos to join.
        seed: Random seed of the cuts.
    """
    rng = np.random.default_rng(seed)
    videos = [draw_cuts(clips, rng) for _ in range(num_videos)]
    return [
        _summary(name, num_scenes, [_measure_video(cuts, name, num_frames, num_scenes) for cuts in videos])
        for num_scenes in numbers_of_scenes
        for name in (EVEN_FRAMES, *METHODS)
    ]


def as_table(found: Sequence[Coverage]) -> str:
    """A Markdown table with one row for each number of scenes and method."""
    rows = [
        (
            *(row.num_scenes, row.method, f"{row.covered:.3f}", "{:.3f} to {:.3f}".format(*row.interval)),
            *(f"{row.covered_short:.3f}", f"{row.redundancy:.3f}"),
        )
        for row in found
    ]
    return markdown_table(HEADERS, rows, align="rlrlrr")


def _measure_video(
    cuts: Sequence[torch.Tensor], method: str, num_frames: int, num_scenes: int
) -> tuple[float, float, float]:
    """The share of cuts covered, the share of shorter cuts covered, and the redundancy, for one video."""
    frames = torch.cat(list(cuts))
    owner = torch.repeat_interleave(torch.arange(len(cuts)), torch.tensor([len(cut) for cut in cuts]))
    chosen = _chosen_frames(frames, method, num_frames, num_scenes)
    is_covered = torch.isin(torch.arange(len(cuts)), owner[chosen])
    by_length = sorted(range(len(cuts)), key=lambda place: len(cuts[place]))
    shorter = torch.tensor(by_length[: len(cuts) // 2])
    directions = F.normalize(frames[chosen], dim=-1)
    similarity = (directions @ directions.T).fill_diagonal_(-1)
    return is_covered.float().mean().item(), is_covered[shorter].float().mean().item(), similarity.amax(1).mean().item()


def _chosen_frames(frames: torch.Tensor, method: str, num_frames: int, num_scenes: int) -> torch.Tensor:
    """Indices of the representatives of a video, or of its evenly spaced frames."""
    count = num_scenes if method == EVEN_FRAMES else num_frames
    sampled = torch.linspace(0, len(frames) - 1, min(count, len(frames))).round().long()
    if method == EVEN_FRAMES:
        return sampled
    scenes = find_scenes(frames[sampled], num_scenes=num_scenes, scene_size=3, **METHODS[method])
    return sampled[scenes.representatives]


def _summary(method: str, num_scenes: int, videos: list[tuple[float, float, float]]) -> Coverage:
    values = np.array(videos)
    interval = bootstrap_ratio_interval(values[:, 0], np.ones(len(values)))
    covered, covered_short, redundancy = map(float, values.mean(0))
    return Coverage(method, num_scenes, covered, interval, covered_short, redundancy)
