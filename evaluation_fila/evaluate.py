"""Asks a model every question of a split, through the pipeline as a user would, and says how often it is right."""

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from .scoring import is_correct, wilson_interval


MAX_NEW_TOKENS = 96  # the longest caption of the usual world has about 70


@dataclass(frozen=True)
class Answered:
    """A question with what was answered, and the level that a blind guess of its type reaches."""

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
    """Right answers among those of one kind, with their 95 % interval (Wilson) and the level of chance."""

    asked: int
    right: int
    chance: float

    @property
    def share(self) -> float:
        return self.right / self.asked

    @property
    def interval(self) -> tuple[float, float]:
        return wilson_interval(self.right, self.asked)


def ask_split(
    pipe: Callable,
    folder: Path,
    *,
    batch_size: int = 16,
    max_questions: int | None = None,
    only_about_events: bool = False,
    **options: Any,
) -> Iterator[Answered]:
    """
    Answers as they come.

    Args:
        pipe: a `video-text-to-text` pipeline.
        folder: what `make_data` wrote.
        batch_size: questions that go through the model at once.
        max_questions: the first ones only; all types are among the first ones of each video.
        only_about_events: questions whose answer needs a short event.
        options: for the pipeline, e.g. `num_frames`.

    Raises:
        OSError: the folder or a video cannot be read.
    """
    asked = [pair for pair in _questions_of(folder) if pair[1]["is_about_event"] or not only_about_events]
    asked = asked[:max_questions]
    prompts = [{"video": str(folder / video["video"]), "text": question["text"]} for video, question in asked]
    # One batch after the other: the pipeline holds the frames of all prompts of a list.
    for start in range(0, len(asked), batch_size):
        answers = pipe(
            prompts[start : start + batch_size], batch_size=batch_size, max_new_tokens=MAX_NEW_TOKENS, **options
        )
        for (video, question), answer in zip(asked[start : start + batch_size], answers, strict=True):
            yield _judged(video, question, _text_of(answer))


def scores_of(answered: Iterable[Answered]) -> dict[str, Score]:
    """A score for each type in alphabetic order, then `all`."""
    kinds: dict[str, list[Answered]] = defaultdict(list)
    for answer in answered:
        kinds[answer.type].append(answer)
    scores = {name: _score(kinds[name]) for name in sorted(kinds)}
    return {**scores, "all": _score([answer for group in kinds.values() for answer in group])}


def as_table(scores: dict[str, Score]) -> str:
    """Markdown."""
    lines = ["| question | n | right | 95 % interval | chance |", "| --- | ---: | ---: | --- | ---: |"]
    for name, score in scores.items():
        low, high = score.interval
        lines.append(f"| {name} | {score.asked} | {score.share:.3f} | {low:.3f} to {high:.3f} | {score.chance:.2f} |")
    return "\n".join(lines)


def write_results(path: Path, answered: list[Answered], about: dict[str, Any]) -> None:
    """JSON: `about`, the scores, and every answer."""
    scores = {
        name: {**asdict(score), "share": score.share, "interval": score.interval}
        for name, score in scores_of(answered).items()
    }
    results = {**about, "scores": scores, "answers": [asdict(answer) for answer in answered]}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


def _questions_of(folder: Path) -> Iterator[tuple[dict, dict]]:
    with (folder / "truth.jsonl").open(encoding="utf-8") as lines:
        for line in lines:
            video = json.loads(line)
            for question in video["questions"]:
                yield video, question


def _text_of(answer: Any) -> str:
    """The pipeline gives a list with one answer for each prompt of a list."""
    return (answer[0] if isinstance(answer, list) else answer)["generated_text"].strip()


def _judged(video: dict, question: dict, given: str) -> Answered:
    duration_seconds = video["truth"]["duration_seconds"]
    return Answered(
        video=video["video"],
        type=question["type"],
        text=question["text"],
        truth=question["answer"],
        given=given,
        is_right=is_correct(question["type"], given, question["answer"], duration_seconds=duration_seconds),
        is_about_event=question["is_about_event"],
        chance=question["chance"],
    )


def _score(answered: list[Answered]) -> Score:
    right = sum(answer.is_right for answer in answered)
    return Score(len(answered), right, sum(answer.chance for answer in answered) / len(answered))
