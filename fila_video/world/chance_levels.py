"""How often a blind guess is correct, for each type of question: the level that a model has to beat."""

from collections import Counter, defaultdict
from collections.abc import Iterable

from .judge_answer import TIMED_TYPES, is_correct
from .questions import Question


# A blind guess of a time or a duration is one of these shares of the video's length.
GUESSED_SHARES = [share / 20 for share in range(20)]
# Types whose questions have the same wordings.
SAME_WORDINGS = ("absent", "when", "motion", "background")


def chance_levels(asked: Iterable[tuple[Question, float]]) -> dict[str, float]:
    """
    For each type of question, the share of correct answers of the best guess that is the same for every video.

    Such a guess is one answer, or one share of the video's length for times, or one place among the choices that the
    question offers ("always the first"). The best one is the one that scores highest on these very questions. For
    `absent`, the level is the share of these questions among those with the same wordings.

    Args:
        asked: Questions, each with the length of its video in seconds.
    """
    of_type: dict[str, list[tuple[Question, float]]] = defaultdict(list)
    for question, duration_seconds in asked:
        of_type[question.type].append((question, duration_seconds))
    levels = {question_type: max(_guesses(question_type, group)) for question_type, group in of_type.items()}
    if "absent" in of_type:
        num_alike = sum(len(of_type[question_type]) for question_type in SAME_WORDINGS if question_type in of_type)
        levels["absent"] = len(of_type["absent"]) / num_alike
    return levels


def _guesses(question_type: str, group: list[tuple[Question, float]]) -> list[float]:
    """The share of correct answers of each guess."""
    if question_type in TIMED_TYPES:
        return [_share_right_for_time(share, group) for share in GUESSED_SHARES]
    count = len(group)
    shares = [Counter(question.answer for question, _ in group).most_common(1)[0][1] / count]
    num_choices = max(len(question.choices) for question, _ in group)
    for place in range(num_choices):
        shares.append(sum(question.choices[place] == question.answer for question, _ in group) / count)
    return shares


def _share_right_for_time(guess: float, group: list[tuple[Question, float]]) -> float:
    """The share of correct answers if the guess is always this share of the video's length."""
    is_right = [
        is_correct(question.type, f"{guess * seconds:.1f} seconds", question.answer, duration_seconds=seconds)
        for question, seconds in group
    ]
    return sum(is_right) / len(group)
