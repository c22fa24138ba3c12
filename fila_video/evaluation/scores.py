"""Scores of answers by type of question: shares of correct answers with intervals, as tables and as JSON."""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from fila_video.common.files import write_json, write_text
from fila_video.common.statistics import wilson_interval
from fila_video.common.tables import markdown_table


SCORES_FILE = "scores.json"  # in the folder of a checkpoint
HEADERS = ("question", "n", "right", "95 % interval", "chance")


@dataclass(frozen=True)
class Answered:
    """
    A question with the answer that a model gave.

    Args:
        video: File of the video, relative to the folder of the data.
        type: Type of the question.
        text: The question.
        truth: The true answer.
        given: The model's answer.
        is_right: Whether the model's answer is correct.
        is_about_event: Whether the answer depends on a short event.
        chance: Share of correct answers of a blind guess for this type.
    """

    video: str
    type: str
    text: str
    truth: str
    given: str
    is_right: bool
    is_about_event: bool
    chance: float


@dataclass(frozen=True)
class Score:
    """
    How many questions of a group were answered correctly.

    Args:
        asked: Number of questions.
        right: Number of correct answers.
        chance: Share of correct answers of a blind guess.
    """

    asked: int
    right: int
    chance: float

    @property
    def share(self) -> float:
        """Share of correct answers."""
        return self.right / self.asked

    @property
    def interval(self) -> tuple[float, float]:
        """95 % interval of the share (Wilson)."""
        return wilson_interval(self.right, self.asked)


def scores_of(answered: Iterable[Answered]) -> dict[str, Score]:
    """A score for each type of question in alphabetical order, and then one for `all`."""
    of_type: dict[str, list[Answered]] = defaultdict(list)
    for answer in answered:
        of_type[answer.type].append(answer)
    scores = {name: _score(of_type[name]) for name in sorted(of_type)}
    return {**scores, "all": _score([answer for group in of_type.values() for answer in group])}


def as_table(scores: Mapping[str, Score]) -> str:
    """A Markdown table with one row for each type of question."""
    rows = []
    for name, score in scores.items():
        low, high = score.interval
        rows.append((name, score.asked, f"{score.share:.3f}", f"{low:.3f} to {high:.3f}", f"{score.chance:.2f}"))
    return markdown_table(HEADERS, rows, align="lrrlr")


def write_results(path: Path, answered: list[Answered], about: Mapping[str, Any]) -> None:
    """
    Writes scores and answers as JSON.

    Args:
        path: File to write.
        answered: All answers.
        about: Further fields, for example the name of the model.
    """
    scores = {
        name: {**asdict(score), "share": score.share, "interval": score.interval}
        for name, score in scores_of(answered).items()
    }
    results = {**about, "scores": scores, "answers": [asdict(answer) for answer in answered]}
    write_text(path, json.dumps(results, indent=1) + "\n")


def save_scores(scores: Mapping[str, Mapping[str, Score]], path: Path) -> None:
    """Writes the scores of each split without the answers, small enough to be stored with the weights."""
    write_json(path, {split: {name: asdict(score) for name, score in of.items()} for split, of in scores.items()})


def load_scores(path: Path) -> dict[str, dict[str, Score]]:
    """Reads what `save_scores` wrote: for each split, the score of each type of question."""
    plain = json.loads(path.read_text(encoding="utf-8"))
    return {split: {name: Score(**score) for name, score in of_type.items()} for split, of_type in plain.items()}


def _score(answered: list[Answered]) -> Score:
    right = sum(answer.is_right for answer in answered)
    return Score(len(answered), right, sum(answer.chance for answer in answered) / len(answered))
