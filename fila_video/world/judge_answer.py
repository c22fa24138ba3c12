"""Decides whether a given answer is correct.

The comparison ignores case, articles, punctuation and the order of the parts of "... and ...". Times and durations may
differ by `tolerance_seconds`. In a list, every part has to be correct. In a caption, the order has to be correct too.
"""

import re


TIMED_TYPES = ("when", "duration")
ARTICLES = re.compile(r"\b(?:a|an|the)\b")
NUMBER_WITH_UNIT = re.compile(r"(\d+(?:\.\d+)?)(?: seconds?)?")
# For each type whose answer is a list with times: what one part of the list looks like.
TIMED_LISTS = {
    "caption": re.compile(r"at (?P<time>\d+(?:\.\d+)?) seconds?[:,]? (?P<text>.*?)(?:[,.;]? (?=at \d)|$)"),
    "entries": re.compile(r"(?P<text>\D+?) at (?P<time>\d+(?:\.\d+)?) seconds?(?:[,.;]?(?: and)? |$)"),
}
IN_ORDER = "caption"  # the type whose parts have to be in order
BETWEEN_COLOURS = re.compile(r"[,.;]|\band\b")


def tolerance_seconds(duration_seconds: float) -> float:
    """The largest accepted error of a time: half a second, plus half the gap between 24 evenly spaced frames."""
    return 0.5 + duration_seconds / 48


def is_correct(question_type: str, given: str, truth: str, *, duration_seconds: float) -> bool:
    """
    Whether a given answer says the same as the true answer.

    Args:
        question_type: One of `QUESTION_TYPES`.
        given: The answer to judge.
        truth: The true answer.
        duration_seconds: Length of the video, on which the tolerance of times depends.
    """
    tolerance = tolerance_seconds(duration_seconds)
    if question_type in TIMED_TYPES:
        return _times_agree(given, truth, tolerance)
    if question_type in TIMED_LISTS:
        return _timed_lists_agree(question_type, given, truth, tolerance)
    if question_type == "colours":
        return _colours(given) == _colours(truth)
    return normalized(given) == normalized(truth)


def normalized(text: str) -> tuple[str, ...]:
    """The sorted parts of an answer: `A red Circle and a blue ring.` -> `("blue ring", "red circle")`."""
    words = ARTICLES.sub(" ", re.sub(r"[^\w\s]", " ", text.lower()))
    return tuple(sorted(" ".join(part.split()) for part in re.split(r"\band\b", words)))


def _times_agree(given: str, truth: str, tolerance: float) -> bool:
    found = NUMBER_WITH_UNIT.fullmatch(given.lower().strip().rstrip(".").strip())
    expected = NUMBER_WITH_UNIT.match(truth)
    return found is not None and expected is not None and _is_near(found[1], expected[1], tolerance)


def _timed_lists_agree(question_type: str, given: str, truth: str, tolerance: float) -> bool:
    found, expected = _timed_parts(question_type, given), _timed_parts(question_type, truth)
    if question_type != IN_ORDER:  # names of objects are unique, so sorting pairs the parts
        found, expected = sorted(found), sorted(expected)
    return [name for name, _ in found] == [name for name, _ in expected] != [] and all(
        _is_near(time, true_time, tolerance) for (_, time), (_, true_time) in zip(found, expected, strict=True)
    )


def _timed_parts(question_type: str, text: str) -> list[tuple[tuple[str, ...], str]]:
    """The objects and the time of each part of a list. Empty if the text does not consist of such parts only."""
    text = " ".join(text.lower().split()).rstrip(" ,.;!")
    found = list(TIMED_LISTS[question_type].finditer(text))
    is_all = "".join(match[0] for match in found) == text
    return [(normalized(match["text"]), match["time"]) for match in found] if is_all else []


def _colours(text: str) -> list[tuple[str, ...]]:
    return sorted(normalized(part) for part in BETWEEN_COLOURS.split(text.lower()) if part.strip())


def _is_near(time: str, other: str, tolerance: float) -> bool:
    # Times have one decimal. The margin keeps a difference of exactly the tolerance from failing by a rounding error.
    return abs(float(time) - float(other)) <= tolerance + 1e-9
