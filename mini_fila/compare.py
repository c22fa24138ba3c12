"""python -m mini_fila.compare: the table of a trained mini beside that of the shipped one."""

import argparse
import math
import sys
from pathlib import Path
from typing import NamedTuple

from evaluation_fila.evaluate import Score

from .measure import SCORES, load_scores
from .ship import REPOSITORY


HEADER = """\
| question | n | shipped | 95 % interval | this one | | more, points | 95 % interval | |
| --- | ---: | ---: | --- | ---: | --- | ---: | --- | --- |"""


class Difference(NamedTuple):
    """How much larger one share is than another, and the ends of the 95 % interval of that."""

    more: float
    low: float
    high: float

    @property
    def excludes_zero(self) -> bool:
        return not self.low <= 0 <= self.high


def difference(shipped: Score, trained: Score) -> Difference:
    """
    Newcombe 1998, method 10: what the choice of questions alone would let differ, if all were independent.

    That the two were asked the same makes it too wide, that a video has several questions too narrow; how much one
    training differs from the next is not in it.
    """
    more = trained.share - shipped.share
    below = math.hypot(trained.share - trained.interval[0], shipped.interval[1] - shipped.share)
    above = math.hypot(trained.interval[1] - trained.share, shipped.share - shipped.interval[0])
    return Difference(more, more - below, more + above)


def compare(shipped: dict[str, Score], trained: dict[str, Score]) -> str:
    """
    Markdown: a line for each type of question, and how many agree.

    Raises:
        ValueError: the two were not asked the same types as often.
    """
    asked, asked_of_trained = ({name: score.asked for name, score in scores.items()} for scores in (shipped, trained))
    if asked != asked_of_trained:
        raise ValueError(f"The shipped one was asked {asked}, the other {asked_of_trained}: these are other questions.")
    differences = {name: difference(shipped[name], trained[name]) for name in shipped}
    lines = [_line(name, shipped[name], trained[name], found) for name, found in differences.items()]
    types = [name for name in shipped if name != "all"]
    within = sum(_is_within(shipped[name], trained[name]) for name in types)
    apart = sum(differences[name].excludes_zero for name in types)
    summary = f"{within} of {len(types)} types lie within the shipped interval; of {apart} the difference excludes 0."
    return "\n".join([HEADER, *lines, "", summary])


def _line(name: str, shipped: Score, trained: Score, found: Difference) -> str:
    low, high = shipped.interval
    return (
        f"| {name} | {trained.asked} | {shipped.share:.3f} | {low:.3f} to {high:.3f} | {trained.share:.3f} "
        f"| {'' if _is_within(shipped, trained) else 'outside'} | {100 * found.more:.1f} "
        f"| {100 * found.low:.1f} to {100 * found.high:.1f} | {'excludes 0' if found.excludes_zero else ''} |"
    )


def _is_within(shipped: Score, trained: Score) -> bool:
    low, high = shipped.interval
    return low <= trained.share <= high


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m mini_fila.compare", description=__doc__)
    parser.add_argument("trained", type=Path, nargs="?", default=Path("outputs/mini/fila-video-mini"))
    parser.add_argument("shipped", type=Path, nargs="?", default=REPOSITORY / "checkpoints" / "fila-video-mini")
    options = parser.parse_args(arguments)
    try:
        trained, shipped = (load_scores(folder / SCORES) for folder in (options.trained, options.shipped))
        tables = {split: compare(of_type, trained.get(split, {})) for split, of_type in shipped.items()}
    except (ValueError, OSError) as error:
        print(f"{parser.prog}: {error}", file=sys.stderr)
        return 2
    for split, table in tables.items():
        print(f"{split}\n\n{table}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
