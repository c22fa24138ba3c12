"""
Compares selected scenes with evenly spaced frames on questions about short events in long videos.

The same model answers the same questions with the same number of visual tokens: either k-means selects 32 scenes from
96 or 192 frames, or 32 frames are spread evenly and each is a scene of its own. Evenly spread frames miss many of the
events. With several selections, this is the paper's Table 2 for videos with many frames and short events.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from fila_video.common.statistics import bootstrap_ratio_interval
from fila_video.common.tables import markdown_table
from fila_video.world.make_data import DataPlan, make_data
from fila_video.world.video_kinds import EVENTS

from .ask import ask_split
from .scores import Answered
from .selections import SELECTIONS


QUESTIONS_PER_VIDEO = 16
# For each length: the videos, and the number of frames to select from. Two or three frames per second miss no event.
LENGTHS = {
    f"{least} to {most} seconds": (replace(EVENTS, seconds=(float(least), float(most))), num_frames)
    for least, most, num_frames in ((32, 48, 96), (64, 96, 192))
}
ALL_SEEDS = "all"
HEADERS = ("videos", "selection", "seed", "n", "selected, %", "uniform, %", "difference, points", "95 % interval")


@dataclass(frozen=True)
class Comparison:
    """
    Shares of correct answers to questions about events, for one set of videos or for all sets together.

    Args:
        seconds: Lengths of the videos, a key of `LENGTHS`.
        selection: How scenes were selected, a key of `SELECTIONS`.
        seed: Seed of the set of videos, or `"all"`.
        asked: Number of questions.
        selected: Share of correct answers with selected scenes.
        uniform: Share of correct answers with evenly spaced frames.
        difference: `selected - uniform`.
        low: Lower end of the 95 % interval of the difference (bootstrap over videos).
        high: Upper end of that interval.
    """

    seconds: str
    selection: str
    seed: int | str
    asked: int
    selected: float
    uniform: float
    difference: float
    low: float
    high: float


def compare(
    selected: list[Answered], uniform: list[Answered], *, seconds: str, selection: str, seed: int | str
) -> Comparison:
    """
    Compares two lists of answers to the same questions.

    Args:
        selected: Answers with selected scenes.
        uniform: Answers with evenly spaced frames.
        seconds: Field of the result.
        selection: Field of the result.
        seed: Field of the result.

    Raises:
        ValueError: If there are no answers, or if they do not belong to the same questions.
    """
    if not selected:
        raise ValueError("No question was about an event: use more videos.")
    if [(one.video, one.text) for one in selected] != [(one.video, one.text) for one in uniform]:
        raise ValueError("The answers do not belong to the same questions.")
    videos = sorted({answer.video for answer in selected})
    counts = np.zeros((len(videos), 3))  # for each video: selected right, uniform right, asked
    for one, other in zip(selected, uniform, strict=True):
        counts[videos.index(one.video)] += one.is_right, other.is_right, 1
    low, high = bootstrap_ratio_interval(counts[:, 0] - counts[:, 1], counts[:, 2])
    share_selected, share_uniform = counts[:, :2].sum(axis=0) / len(selected)
    shares = map(float, (share_selected, share_uniform, share_selected - share_uniform, low, high))
    return Comparison(seconds, selection, seed, len(selected), *shares)


def compare_all(
    pipe: Any, folder: Path, *, num_videos: int, num_seeds: int, selections: Sequence[str]
) -> Iterator[Comparison]:
    """
    Draws the sets of videos and asks about each with every selection.

    Args:
        pipe: A `video-text-to-text` pipeline.
        folder: Folder for the videos.
        num_videos: Number of videos in each set.
        num_seeds: Number of sets of each length.
        selections: Keys of `SELECTIONS`.

    Yields:
        A comparison for each set and selection, and then one for all sets of a length together.
    """
    for seconds, (world, num_frames) in LENGTHS.items():
        uniform: list[list[Answered]] = []
        selected: dict[str, list[list[Answered]]] = {selection: [] for selection in selections}
        for seed in range(num_seeds):
            data = folder / f"{seconds} {seed}".replace(" ", "_")
            make_data(data, DataPlan("test", num_videos, QUESTIONS_PER_VIDEO, seed=seed, options=world))
            uniform.append(_ask(pipe, data, pipe.model.config.num_scenes))
            for selection in selections:
                with _configured(pipe.model.config, SELECTIONS[selection]):
                    selected[selection].append(_ask(pipe, data, num_frames))
                one, other = selected[selection][-1], uniform[-1]
                yield compare(one, other, seconds=seconds, selection=selection, seed=seed)
        for selection in selections:
            of_all = (list(chain(*answers)) for answers in (selected[selection], uniform))
            yield compare(*of_all, seconds=seconds, selection=selection, seed=ALL_SEEDS)


def as_table(rows: Sequence[Comparison]) -> str:
    """A Markdown table, in percent."""
    cells = [
        (
            *(row.seconds, row.selection, row.seed, row.asked),
            *(f"{100 * share:.1f}" for share in (row.selected, row.uniform, row.difference)),
            f"{100 * row.low:.1f} to {100 * row.high:.1f}",
        )
        for row in rows
    ]
    return markdown_table(HEADERS, cells, align="llrrrrrl")


def _ask(pipe: Any, data: Path, num_frames: int) -> list[Answered]:
    """Answers about a set. The names of its videos include the set, because sets use the same file names."""
    answered = ask_split(pipe, data, only_about_events=True, num_frames=num_frames)
    return [replace(answer, video=f"{data.name}/{answer.video}") for answer in answered]


@contextmanager
def _configured(config: Any, fields: dict[str, Any]) -> Iterator[None]:
    """Changes fields of a model's configuration inside the block."""
    before = {name: getattr(config, name) for name in fields}
    try:
        for name, value in fields.items():
            setattr(config, name, value)
        yield
    finally:
        for name, value in before.items():
            setattr(config, name, value)
