"""How often somebody is right who never sees the video: the level that a model has to beat."""

from collections import Counter, defaultdict
from collections.abc import Iterable

from .questions import Question
from .scoring import TIMED_TYPES, is_correct


# Shares of the video's length that a blind guess of a time or duration may be.
GUESSED_SHARES = [share / 20 for share in range(20)]
# Types that ask in the same words.
ALIKE = ("absent", "when", "motion", "background")


def chance_levels(asked: Iterable[tuple[Question, float]]) -> dict[str, float]:
    """Of each question type, the share right of the best guess that is the same for every video.

    The guess is one answer; or one share of the length, for times; or always the same place among the choices that the
    text offers ("the first one named"). Whichever does best on the questions themselves.

    Args:
        asked: questions, each with its video's length in seconds.
    """
    of_type: dict[str, list[tuple[Question, float]]] = defaultdict(list)
    for question, duration_seconds in asked:
        of_type[question.type].append((question, duration_seconds))
    levels = {question_type: max(_guesses(question_type, group)) for question_type, group in of_type.items()}
    if "absent" in of_type:
        num_alike = sum(len(of_type[question_type]) for question_type in ALIKE if question_type in of_type)
        levels["absent"] = len(of_type["absent"]) / num_alike
    return levels


def _guesses(question_type: str, group: list[tuple[Question, float]]) -> list[float]:
    """Shares right of all guesses that are tried."""
    count = len(group)
    if question_type in TIMED_TYPES:
        return [
            sum(
                is_correct(question_type, f"{share * seconds:.1f} seconds", question.answer, duration_seconds=seconds)
                for question, seconds in group
            )
            / count
            for share in GUESSED_SHARES
        ]
    shares = [Counter(question.answer for question, _ in group).most_common(1)[0][1] / count]
    num_choices = max(len(question.choices) for question, _ in group)
    for place in range(num_choices):
        shares.append(sum(question.choices[place] == question.answer for question, _ in group) / count)
    return shares
