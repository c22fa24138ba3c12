"""Questions about a video, with answers that follow from its ground truth and are visible in its frames."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .ground_truth import Video
from .question_types import DRAFT_OF
from .wordings import QUESTION_TYPES, wordings_of


# A video has no more questions if this number of rounds through all types finds no new one.
PATIENCE = 8


@dataclass(frozen=True)
class Question:
    """
    A question and its only correct answer.

    Args:
        type: One of `QUESTION_TYPES`.
        text: The question.
        answer: The answer.
        is_about_event: Whether the answer depends on a short event, which evenly spaced frames may miss. "It is not in
            the video." never does: a model that misses the event gives this answer too.
        choices: The answers between which the text offers a choice, in its order; empty for an open question.
    """

    type: str
    text: str
    answer: str
    is_about_event: bool = False
    choices: tuple[str, ...] = ()


def ask_questions(
    video: Video,
    rng: np.random.Generator,
    count: int,
    *,
    held_out_wordings: bool = False,
    most_wordings: int | None = None,
    more_wordings: bool = False,
    types: Sequence[str] | None = None,
) -> list[Question]:
    """
    Draws different questions about a video, spread over their types as evenly as the video allows.

    Args:
        video: The video to ask about.
        rng: Source of random numbers.
        count: Number of questions.
        held_out_wordings: Use only the wordings that are held out from training.
        most_wordings: Use at most this number of wordings of each type, the first ones for training.
        more_wordings: Use also the additional wordings of `MORE_WORDINGS`, for training.
        types: Ask only questions of these types. A type that is named twice is asked about twice as often. If the video
            has fewer than `count` questions of these types, there are fewer, perhaps none. Default: all types.

    Raises:
        ValueError: If `count` or `most_wordings` is below 1, if `more_wordings` is combined with `held_out_wordings` or
            `most_wordings`, if a type is unknown, or if the video has fewer than `count` different questions.
    """
    for name, value in (("count", count), ("most_wordings", most_wordings)):
        if value is not None and value < 1:
            raise ValueError(f"{name}={value} must be at least 1.")
    check_types(types)
    found: dict[str, Question] = {}
    rounds_without = 0
    while len(found) < count and rounds_without < PATIENCE:
        known = len(found)
        for question_type in map(str, rng.permutation(types or QUESTION_TYPES)):
            words = wordings_of(question_type, held_out=held_out_wordings, most=most_wordings, more=more_wordings)
            question = ask(video, question_type, rng, words)
            if question is not None and len(found) < count:
                found.setdefault(question.text, question)
        rounds_without = rounds_without + 1 if len(found) == known else 0
    if len(found) < count and not types:
        raise ValueError(f"The video has only {len(found)} different questions, but {count} were requested.")
    return list(found.values())


def check_types(types: Sequence[str] | None) -> None:
    """
    Checks names of types of questions.

    Raises:
        ValueError: If a name is unknown.
    """
    unknown = sorted(set(types or ()) - set(QUESTION_TYPES))
    if unknown:
        raise ValueError(f"types={unknown} are unknown; choose from {', '.join(QUESTION_TYPES)}.")


def ask(
    video: Video, question_type: str, rng: np.random.Generator, wordings: Sequence[str] | None = None
) -> Question | None:
    """
    Draws a question of one type.

    Args:
        video: The video to ask about.
        question_type: One of `QUESTION_TYPES`.
        rng: Source of random numbers.
        wordings: Templates to choose from. Default: those for training.

    Returns:
        The question, or None if the video has no unambiguous question of this type.
    """
    draft = DRAFT_OF[question_type](video, rng)
    if draft is None:
        return None
    template = str(rng.choice(wordings_of(question_type) if wordings is None else wordings))
    return Question(question_type, template.format(**draft.words), draft.answer, draft.is_about_event, draft.choices)
