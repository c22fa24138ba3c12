"""Asks the same questions with and without subtitles: those that only the subtitles of drawn videos answer."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fila_video.common.files import read_records
from fila_video.common.statistics import bootstrap_ratio_interval, mcnemar_p_value
from fila_video.common.tables import markdown_table
from fila_video.world.make_data import DataPlan, make_data
from fila_video.world.spoken_lines import SAID
from fila_video.world.video_kinds import USUAL
from processing_fila.reader_subtitles import read_subtitles

from .ask import ask_split
from .scores import Answered


HEADERS = (
    *("n", "with, %", "without, %", "chance, %", "any line, %", "difference, points", "95 % interval"),
    *("only with", "only without", "p (McNemar)"),
)


@dataclass(frozen=True)
class Comparison:
    """
    Answers to the same questions with and without subtitles.

    Args:
        asked: Number of questions.
        with_subtitles: Share of correct answers with subtitles.
        without: Share of correct answers without them.
        chance: Share of correct answers of the best guess that is the same for every video.
        any_line: Share of correct answers of a guess that takes one of the lines of the video at random.
        low: Lower end of the 95 % interval of the difference (bootstrap over videos).
        high: Upper end of that interval.
        only_with: Number of questions that are answered correctly only with subtitles.
        only_without: Number of questions that are answered correctly only without them.
        p_value: Of McNemar's exact test, two-sided.
    """

    asked: int
    with_subtitles: float
    without: float
    chance: float
    any_line: float
    low: float
    high: float
    only_with: int
    only_without: int
    p_value: float


def measure_subtitles(
    pipe: Callable, folder: Path, *, num_videos: int, num_questions: int, lines: str = "all"
) -> Comparison:
    """
    Draws test videos with spoken lines, and asks a model about these lines with and without subtitles.

    Args:
        pipe: A `video-text-to-text` pipeline.
        folder: Folder for the videos.
        num_videos: Number of videos.
        num_questions: Number of questions about what is said in each video.
        lines: Which lines the prompt has: `subtitle_lines` of the processor.
    """
    make_data(folder, DataPlan("test", num_videos, 1, options=USUAL, spoken_questions=num_questions))
    without = list(ask_split(pipe, folder, types=(SAID,)))
    with_lines = list(ask_split(pipe, folder, types=(SAID,), subtitles=True, subtitle_lines=lines))
    return compare(with_lines, without, any_line=_share_of_any_line(folder))


def _share_of_any_line(folder: Path) -> float:
    """The lines of a video say different things, so a random one of n is right for 1 / n of the questions."""
    shares = []
    for _, video in read_records(folder / "truth.jsonl"):
        num_questions = sum(question["type"] == SAID for question in video["questions"])
        shares += [1 / len(read_subtitles(folder / video["subtitles"]))] * num_questions
    return float(np.mean(shares))


def compare(with_lines: Sequence[Answered], without: Sequence[Answered], *, any_line: float) -> Comparison:
    """
    Compares answers to the same questions, in the same order.

    Args:
        with_lines: Answers with subtitles.
        without: Answers without them.
        any_line: Field of the result.

    Raises:
        ValueError: If there are no answers, or if they do not belong to the same questions.
    """
    if not with_lines or [(each.video, each.text) for each in with_lines] != [
        (each.video, each.text) for each in without
    ]:
        raise ValueError(f"{len(with_lines)} and {len(without)} answers do not belong to the same questions.")
    videos = sorted({each.video for each in without})
    right = np.zeros((len(videos), 3))  # for each video: right with subtitles, right without, asked
    for one, other in zip(with_lines, without, strict=True):
        right[videos.index(one.video)] += one.is_right, other.is_right, 1
    low, high = bootstrap_ratio_interval(right[:, 0] - right[:, 1], right[:, 2])
    pairs = [(one.is_right, other.is_right) for one, other in zip(with_lines, without, strict=True)]
    only_with, only_without = pairs.count((True, False)), pairs.count((False, True))
    shares = right[:, :2].sum(axis=0) / len(pairs)
    return Comparison(
        asked=len(pairs),
        with_subtitles=float(shares[0]),
        without=float(shares[1]),
        chance=without[0].chance,
        any_line=any_line,
        low=low,
        high=high,
        only_with=only_with,
        only_without=only_without,
        p_value=mcnemar_p_value(only_with, only_without),
    )


def as_table(found: Comparison) -> str:
    """A Markdown table, in percent."""
    difference = found.with_subtitles - found.without
    shares = found.with_subtitles, found.without, found.chance, found.any_line, difference
    cells = [
        *(found.asked, *(f"{100 * share:.1f}" for share in shares)),
        f"{100 * found.low:.1f} to {100 * found.high:.1f}",
        *(found.only_with, found.only_without, f"{found.p_value:.2g}"),
    ]
    return markdown_table(HEADERS, [cells], align="rrrrrrlrrr")
