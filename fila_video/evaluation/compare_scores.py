"""Compares the scores of a newly trained small model with those of the shipped one, by type of question."""

from collections.abc import Mapping
from typing import NamedTuple

from fila_video.common.statistics import newcombe_interval
from fila_video.common.tables import markdown_table

from .scores import Score


HEADERS = (
    *("question", "n", "shipped", "95 % interval", "this one", "within"),
    *("difference, points", "95 % interval", "excludes 0"),
)


class Difference(NamedTuple):
    """The difference of two shares, and the ends of its 95 % interval."""

    difference: float
    low: float
    high: float

    @property
    def excludes_zero(self) -> bool:
        return not self.low <= 0 <= self.high


def difference(shipped: Score, trained: Score) -> Difference:
    """
    The share of correct answers of the trained model, minus that of the shipped one (Newcombe 1998, method 10).

    The interval says how far the choice of questions alone can move the difference, if all answers are independent. It
    is too wide because both models were asked the same questions, and too narrow because a video has several
    questions. It does not include how much one training run differs from the next.
    """
    low, high = newcombe_interval(trained.right, trained.asked, shipped.right, shipped.asked)
    return Difference(trained.share - shipped.share, low, high)


def compare_scores(shipped: Mapping[str, Score], trained: Mapping[str, Score]) -> str:
    """
    Compares two models on one split.

    Args:
        shipped: Score of the shipped model for each type of question, and for `all`.
        trained: The same of the trained model.

    Returns:
        A Markdown table with one row for each type of question, and a sentence that says how many types agree.

    Raises:
        ValueError: If the two models were not asked the same number of questions of each type.
    """
    asked, asked_of_trained = ({name: score.asked for name, score in scores.items()} for scores in (shipped, trained))
    if asked != asked_of_trained:
        raise ValueError(
            f"The shipped model was asked {asked}, the trained one {asked_of_trained}: these are different questions."
        )
    differences = {name: difference(shipped[name], trained[name]) for name in shipped}
    rows = [_row(name, shipped[name], trained[name], found) for name, found in differences.items()]
    types = [name for name in shipped if name != "all"]
    within = sum(_is_within(shipped[name], trained[name]) for name in types)
    apart = sum(differences[name].excludes_zero for name in types)
    summary = (
        f"{within} of {len(types)} types lie within the interval of the shipped model. "
        f"For {apart} of {len(types)} types, the interval of the difference excludes 0."
    )
    return f"{markdown_table(HEADERS, rows, align='lrrlrlrll')}\n\n{summary}"


def _row(name: str, shipped: Score, trained: Score, found: Difference) -> tuple[object, ...]:
    low, high = shipped.interval
    return (
        *(name, trained.asked, f"{shipped.share:.3f}", f"{low:.3f} to {high:.3f}", f"{trained.share:.3f}"),
        "yes" if _is_within(shipped, trained) else "outside",
        f"{100 * found.difference:.1f}",
        f"{100 * found.low:.1f} to {100 * found.high:.1f}",
        "excludes 0" if found.excludes_zero else "no",
    )


def _is_within(shipped: Score, trained: Score) -> bool:
    low, high = shipped.interval
    return low <= trained.share <= high
