"""python -m mini_fila.compare: the table of a trained mini beside that of the shipped one."""

import argparse
import math
import sys
from pathlib import Path
from typing import NamedTuple

from evaluation_fila.evaluate import Score

from .measure import load_scores
from .publish import SCORES
from .ship import REPOSITORY


HEADER = """\
| question | n | shipped | 95 % interval | this one | | more, points | 95 % interval | |
| --- | ---: | ---: | --- | ---: | --- | ---: | --- | --- |"""


class Difference(NamedTuple):
    """How much larger one share is than another, and the ends of the 95 % interval of that."""

    more: float
    low: float
    high: float


def difference(score: Score, other: Score) -> Difference:
    """
    Newcombe 1998, method 10.

    It takes the answers for independent. Those of two models to the same questions are not, which makes the interval
    too wide rather than too narrow.
    """
    more = other.share - score.share
    below = math.hypot(other.share - other.interval[0], score.interval[1] - score.share)
    above = math.hypot(other.interval[1] - other.share, score.share - score.interval[0])
    return Difference(more, more - below, more + above)


def compare(shipped: dict[str, Score], trained: dict[str, Score]) -> str:
    """Markdown: a line for each type of question that both were asked, and how many agree."""
    types = [name for name in shipped if name in trained]
    lines = [_line(name, shipped[name], trained[name]) for name in types]
    within = sum(_is_within(shipped[name], trained[name]) for name in types)
    apart = sum(_is_apart(difference(shipped[name], trained[name])) for name in types)
    summary = f"{within} of {len(types)} lie within the shipped interval; {apart} differ by more than chance."
    return "\n".join([HEADER, *lines, "", summary])


def _line(name: str, shipped: Score, trained: Score) -> str:
    found = difference(shipped, trained)
    low, high = shipped.interval
    return (
        f"| {name} | {trained.asked} | {shipped.share:.3f} | {low:.3f} to {high:.3f} | {trained.share:.3f} "
        f"| {'' if _is_within(shipped, trained) else 'outside'} | {100 * found.more:.1f} "
        f"| {100 * found.low:.1f} to {100 * found.high:.1f} | {'differs' if _is_apart(found) else ''} |"
    )


def _is_within(shipped: Score, trained: Score) -> bool:
    low, high = shipped.interval
    return low <= trained.share <= high


def _is_apart(found: Difference) -> bool:
    return not found.low <= 0 <= found.high


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m mini_fila.compare", description=__doc__)
    parser.add_argument("trained", type=Path, nargs="?", default=Path("outputs/mini/fila-video-mini"))
    parser.add_argument("shipped", type=Path, nargs="?", default=REPOSITORY / "checkpoints" / "fila-video-mini")
    options = parser.parse_args(arguments)
    try:
        trained, shipped = (load_scores(folder / SCORES) for folder in (options.trained, options.shipped))
    except OSError as error:
        print(f"{parser.prog}: {error}", file=sys.stderr)
        return 2
    for split in shipped:
        if split in trained:
            print(f"{split}\n\n{compare(shipped[split], trained[split])}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
