"""
python -m mini_fila.events: short events in long videos, with selected scenes and with uniform frames.

The same model is asked the same questions, with the same number of visual tokens: of 96 or 192 frames k-means keeps 32
scenes; or 32 frames are taken evenly, each a scene of its own. Many events show in none of them. With more
--selections than one this is the paper's Table 2 where frames are many and events short.
"""

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from transformers import pipeline

import processing_fila  # noqa: F401  (registers the classes)
from evaluation_fila.evaluate import Answered, ask_split
from evaluation_fila.make_data import DataPlan, make_data

from .recipe import EVENTS
from .ship import REPOSITORY
from .variants import SELECTIONS


QUESTIONS_PER_VIDEO = 16
BOOTSTRAP_DRAWS = 5000
# Videos, and how many frames of them the selection starts from: two or three a second, so that no event is missed.
LENGTHS = {
    f"{least} to {most} seconds": (replace(EVENTS, seconds=(float(least), float(most))), num_frames)
    for least, most, num_frames in ((32, 48, 96), (64, 96, 192))
}
OF_THE_MINI = "similar, k-means++"
ALL_SEEDS = "all"


@dataclass(frozen=True)
class Comparison:
    """
    Shares of right answers to questions about events, of one set of videos (`seed`) or of all together. `difference`:
    of `selected` to `uniform`, and `low` and `high`, its 95 % interval (bootstrap over videos).
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
    Raises:
        ValueError: there are no answers, or they are not to the same questions.
    """
    if not selected:
        raise ValueError("No question was about an event: take more videos.")
    if [(one.video, one.text) for one in selected] != [(one.video, one.text) for one in uniform]:
        raise ValueError("The answers are not to the same questions.")
    videos = sorted({answer.video for answer in selected})
    right = np.zeros((len(videos), 3))  # selected, uniform, asked
    for one, other in zip(selected, uniform, strict=True):
        right[videos.index(one.video)] += one.is_right, other.is_right, 1
    draws = np.random.default_rng(0).integers(len(videos), size=(BOOTSTRAP_DRAWS, len(videos)))
    sums = right[draws].sum(axis=1)  # (draws, 3)
    low, high = np.quantile((sums[:, 0] - sums[:, 1]) / sums[:, 2], [0.025, 0.975])
    share_selected, share_uniform = right[:, :2].sum(axis=0) / len(selected)
    difference = share_selected - share_uniform
    shares = map(float, (share_selected, share_uniform, difference, low, high))
    return Comparison(seconds, selection, seed, len(selected), *shares)


def compare_all(
    pipe: Callable, folder: Path, *, num_videos: int, num_seeds: int, selections: Sequence[str]
) -> Iterator[Comparison]:
    """Draws the sets of videos into a folder, and asks about each in every way."""
    for seconds, (world, num_frames) in LENGTHS.items():
        uniform, selected = [], {selection: [] for selection in selections}
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


def _ask(pipe: Callable, data: Path, num_frames: int) -> list[Answered]:
    """Answers by videos that are named apart from those of other sets."""
    answered = ask_split(pipe, data, only_about_events=True, num_frames=num_frames)
    return [replace(answer, video=f"{data.name}/{answer.video}") for answer in answered]


@contextmanager
def _configured(config: Any, fields: dict[str, Any]) -> Iterator[None]:
    before = {name: getattr(config, name) for name in fields}
    try:
        for name, value in fields.items():
            setattr(config, name, value)
        yield
    finally:
        for name, value in before.items():
            setattr(config, name, value)


def as_table(rows: list[Comparison]) -> str:
    """Markdown, in percent."""
    lines = [
        "| videos | selection | seed | n | selected, % | uniform, % | difference, points | 95 % interval |",
        "| --- | --- | ---: | ---: | ---: | ---: | ---: | --- |",
    ]
    for row in rows:
        shares = f"{100 * row.selected:.1f} | {100 * row.uniform:.1f} | {100 * row.difference:.1f}"
        lines.append(
            f"| {row.seconds} | {row.selection} | {row.seed} | {row.asked} | {shares} "
            f"| {100 * row.low:.1f} to {100 * row.high:.1f} |"
        )
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m mini_fila.events", description=__doc__)
    parser.add_argument("--model", type=Path, default=REPOSITORY / "checkpoints" / "fila-video-mini")
    parser.add_argument("--output", type=Path, default=Path("outputs/events"), help="for videos and results")
    parser.add_argument("--videos", type=int, default=40, help="in each set")
    parser.add_argument("--seeds", type=int, default=3, help="sets of videos of each length")
    parser.add_argument("--selections", nargs="+", choices=SELECTIONS, default=[OF_THE_MINI], help="of scenes")
    options = parser.parse_args(arguments)
    how_many = {"num_videos": options.videos, "num_seeds": options.seeds, "selections": options.selections}
    rows = []
    try:
        pipe = pipeline("video-text-to-text", str(options.model), dtype="float32")
        for row in compare_all(pipe, options.output, **how_many):
            rows.append(row)
            print(as_table([row]).splitlines()[-1], flush=True)
    except (ValueError, OSError) as error:
        print(f"{parser.prog}: {error}", file=sys.stderr)
        return 2
    results = {"model": options.model.name, "rows": [asdict(row) for row in rows]}
    (options.output / "events.json").write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    (options.output / "events.md").write_text(as_table(rows) + "\n", encoding="utf-8")
    print(f"\n{as_table(rows)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
