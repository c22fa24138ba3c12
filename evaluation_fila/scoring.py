"""Whether an answer is right, and how sure a share of right answers is.

Answers are compared without case, articles, punctuation and the order of "... and ...". Times and
durations may be off by `tolerance_seconds`; in a list every part has to be right, in a caption in order.
"""

import math
import re


TIMED_TYPES = ("when", "duration")
CONFIDENCE_Z = 1.959964  # 95 %, two-sided
ARTICLES = re.compile(r"\b(?:a|an|the)\b")
NUMBER_WITH_UNIT = re.compile(r"(\d+(?:\.\d+)?)(?: seconds?)?")
# Lists of what is there with its times: how a part looks.
TIMED_LISTS = {
    "caption": re.compile(r"at (?P<time>\d+(?:\.\d+)?) seconds?[:,]? (?P<text>.*?)(?:[,.;]? (?=at \d)|$)"),
    "entries": re.compile(r"(?P<text>\D+?) at (?P<time>\d+(?:\.\d+)?) seconds?(?:[,.;]?(?: and)? |$)"),
}
IN_ORDER = "caption"
BETWEEN_COLOURS = re.compile(r"[,.;]|\band\b")


def tolerance_seconds(duration_seconds: float) -> float:
    """Half a second and one 48th of the video: half the gap between 24 evenly spread frames."""
    return 0.5 + duration_seconds / 48


def is_correct(question_type: str, given: str, truth: str, *, duration_seconds: float) -> bool:
    """Whether `given` says what `truth` does; `duration_seconds` is of the video."""
    tolerance = tolerance_seconds(duration_seconds)
    if question_type in TIMED_TYPES:
        return _times_agree(given, truth, tolerance)
    if question_type in TIMED_LISTS:
        return _timed_lists_agree(question_type, given, truth, tolerance)
    if question_type == "colours":
        return _colours(given) == _colours(truth)
    return normalised(given) == normalised(truth)


def normalised(text: str) -> tuple[str, ...]:
    """The parts of an answer in alphabetic order: `A red Circle and a blue ring.` -> `("blue ring", "red circle")`."""
    words = ARTICLES.sub(" ", re.sub(r"[^\w\s]", " ", text.lower()))
    return tuple(sorted(" ".join(part.split()) for part in re.split(r"\band\b", words)))


def wilson_interval(num_correct: int, num_asked: int) -> tuple[float, float]:
    """95 % interval of a share (Wilson 1927).

    Raises:
        ValueError: nothing was asked, or more was correct than asked.
    """
    if num_asked < 1 or not 0 <= num_correct <= num_asked:
        raise ValueError(f"{num_correct} correct of {num_asked} asked is no share.")
    share, spread = num_correct / num_asked, CONFIDENCE_Z**2 / num_asked
    centre = (share + spread / 2) / (1 + spread)
    reach = math.sqrt(spread * (share * (1 - share) + spread / 4)) / (1 + spread)
    # Rounding would miss 0 and 1 by a bit.
    return centre - reach if num_correct else 0.0, centre + reach if num_correct < num_asked else 1.0


def _times_agree(given: str, truth: str, tolerance: float) -> bool:
    match = NUMBER_WITH_UNIT.fullmatch(given.lower().strip().rstrip(".").strip())
    return match is not None and _is_near(match[1], NUMBER_WITH_UNIT.match(truth)[1], tolerance)


def _timed_lists_agree(question_type: str, given: str, truth: str, tolerance: float) -> bool:
    found, expected = _timed_parts(question_type, given), _timed_parts(question_type, truth)
    if question_type != IN_ORDER:  # names are unique
        found, expected = sorted(found), sorted(expected)
    return [name for name, _ in found] == [name for name, _ in expected] != [] and all(
        _is_near(time, true_time, tolerance) for (_, time), (_, true_time) in zip(found, expected, strict=True)
    )


def _timed_parts(question_type: str, text: str) -> list[tuple[tuple[str, ...], str]]:
    """What is there and when, for each part of a list; none of a text that is not all made of such parts."""
    text = " ".join(text.lower().split()).rstrip(" ,.;!")
    found = list(TIMED_LISTS[question_type].finditer(text))
    is_all = "".join(match[0] for match in found) == text
    return [(normalised(match["text"]), match["time"]) for match in found] if is_all else []


def _colours(text: str) -> list[tuple[str, ...]]:
    return sorted(normalised(part) for part in BETWEEN_COLOURS.split(text.lower()) if part.strip())


def _is_near(time: str, other: str, tolerance: float) -> bool:
    # Times have one digit after the point: a difference at the edge must not depend on binary fractions.
    return abs(float(time) - float(other)) <= tolerance + 1e-9
