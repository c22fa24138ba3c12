"""Which share of a long video's parts is looked at: the number behind the paper's Figure 1.

Videos are made of cuts of real clips, of very unequal length. N frames are spread evenly over such a video, as the
processor does; a way of selecting scenes is good if many cuts have a representative, and representatives differ.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional as F

from modeling_fila.scene_selection import find_scenes, frame_representations
from modeling_fila.vision_features import encode_frames
from processing_fila.video_reader import VideoReader


SAMPLES_PER_SECOND = 10
FRAMES_PER_CHUNK = 32
SHORTEST_SECONDS, LONGEST_SECONDS = 0.5, 30.0
BOOTSTRAP_DRAWS = 2000
# How scenes are found: arguments of `find_scenes`. "even frames" are as many frames as there are scenes.
METHODS = {
    "uniform": {"selection": "uniform"},
    "bipartite": {"selection": "bsm"},
    "k-means, random start": {"selection": "kmeans", "kmeans_init": "random"},
    "k-means++": {"selection": "kmeans", "kmeans_init": "kmeans++"},
}
EVEN_FRAMES = "even frames"


@dataclass(frozen=True)
class Coverage:
    """Means over videos, and the 95 % interval of the first one (bootstrap over videos).

    `covered`: share of cuts with a representative. `covered_short`: of the shorter half of each video's cuts.
    `redundancy`: cosine similarity of a representative to the one it resembles most.
    """

    method: str
    num_scenes: int
    covered: float
    interval: tuple[float, float]
    covered_short: float
    redundancy: float


def encode_clips(model, processor, paths: Sequence[Path]) -> list[torch.Tensor]:
    """
    Each clip as mean features of its frames (frames, D), `SAMPLES_PER_SECOND` of them.

    Raises:
        VideoReadError: (an `OSError`) a clip cannot be read.
    """
    found = []
    for path in paths:
        with VideoReader(path) as reader:
            seconds = np.arange(0, reader.duration_seconds, 1 / SAMPLES_PER_SECOND)
            size = processor.video_processor.size
            frames = [frame for frame, _ in reader.frames_at(seconds=seconds, size=(size["height"], size["width"]))]
        inputs = processor.video_processor(np.stack(frames), do_sample_frames=False, return_tensors="pt")
        with torch.no_grad():
            features = encode_frames(model.model.vision_tower, inputs["pixel_values_videos"][0], FRAMES_PER_CHUNK)
        found.append(frame_representations(features).float())
    return found


def draw_cuts(clips: Sequence[torch.Tensor], rng: np.random.Generator) -> list[torch.Tensor]:
    """
    A cut of every clip (frames, D), in any order: lengths are log-uniform. A cut longer than its clip plays it forward
    and backward again.
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
    """Every method on the same videos."""
    rng = np.random.default_rng(seed)
    videos = [draw_cuts(clips, rng) for _ in range(num_videos)]
    return [
        _summary(name, num_scenes, [_look_at(cuts, name, num_frames, num_scenes) for cuts in videos])
        for num_scenes in numbers_of_scenes
        for name in (EVEN_FRAMES, *METHODS)
    ]


def as_table(found: Sequence[Coverage]) -> str:
    """Markdown."""
    lines = [
        "| scenes | selection | cuts covered | 95 % interval | shorter half | redundancy |",
        "| ---: | --- | ---: | --- | ---: | ---: |",
    ]
    for row in found:
        low, high = row.interval
        lines.append(
            f"| {row.num_scenes} | {row.method} | {row.covered:.3f} | {low:.3f} to {high:.3f} "
            f"| {row.covered_short:.3f} | {row.redundancy:.3f} |"
        )
    return "\n".join(lines)


def _look_at(cuts: Sequence[torch.Tensor], method: str, num_frames: int, num_scenes: int) -> tuple[float, float, float]:
    """Cuts covered, shorter cuts covered, redundancy."""
    frames = torch.cat(list(cuts))
    owner = torch.repeat_interleave(torch.arange(len(cuts)), torch.tensor([len(cut) for cut in cuts]))
    count = num_scenes if method == EVEN_FRAMES else num_frames
    sampled = torch.linspace(0, len(frames) - 1, min(count, len(frames))).round().long()
    if method == EVEN_FRAMES:
        chosen = sampled
    else:
        scenes = find_scenes(frames[sampled], num_scenes=num_scenes, scene_size=3, **METHODS[method])
        chosen = sampled[scenes.representatives]
    is_covered = torch.isin(torch.arange(len(cuts)), owner[chosen])
    by_length = sorted(range(len(cuts)), key=lambda place: len(cuts[place]))
    shorter = torch.tensor(by_length[: len(cuts) // 2])
    looks = F.normalize(frames[chosen], dim=-1)
    alike = (looks @ looks.T).fill_diagonal_(-1)
    return is_covered.float().mean().item(), is_covered[shorter].float().mean().item(), alike.amax(1).mean().item()


def _summary(method: str, num_scenes: int, videos: list[tuple[float, float, float]]) -> Coverage:
    values = np.array(videos)
    draws = np.random.default_rng(0).integers(len(values), size=(BOOTSTRAP_DRAWS, len(values)))
    low, high = np.quantile(values[draws, 0].mean(1), [0.025, 0.975])
    covered, covered_short, redundancy = values.mean(0)
    return Coverage(method, num_scenes, covered, (low, high), covered_short, redundancy)
