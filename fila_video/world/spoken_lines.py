"""What is said in a drawn video, and questions that only its subtitles answer.

Lines say the names of colors. They are drawn without a look at the pictures, and with random numbers of their own, so
the videos and their other questions are the same with and without them.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .questions import Question
from .splits import SPLITS
from .vocabulary import OBJECT_COLOURS


SAID = "said"  # the type of these questions
# The last wording is held out, as in wordings.py.
WORDINGS = (
    "Which colour is said at {seconds} seconds?",
    "What colour is said at {seconds} seconds?",
    "What is said at {seconds} seconds?",
    "At {seconds} seconds, what is said?",
    "At {seconds} seconds, which colour is said?",
)
STREAM = 1  # tells these random numbers from those of the video
MOST_LINES, LEAST_LINES = 5, 3
LEAST_SECONDS = 1.4  # of a line, so that each has a whole second away from its ends
CLEARANCE_SECONDS = 0.2
GAP_SECONDS = 0.2


@dataclass(frozen=True)
class SpokenLine:
    """
    A line of the subtitles.

    Args:
        start_seconds: When it begins; a multiple of a tenth of a second, as all times of the world.
        end_seconds: When it ends.
        text: What is said: a key of `OBJECT_COLOURS`, which no other line of the video says.
    """

    start_seconds: float
    end_seconds: float
    text: str


def draw_spoken(
    split_name: str, number: int, duration_seconds: float, count: int, *, seed: int = 0
) -> tuple[list[SpokenLine], list[Question]]:
    """
    Draws the lines of a video and questions about them. The same arguments always give the same result.

    Args:
        split_name: A key of `SPLITS`.
        number: Number of the video, from 0.
        duration_seconds: Length of the video.
        count: Number of questions. There are fewer if the lines have fewer whole seconds and wordings.
        seed: Random seed of the split, as in `draw_sample`.

    Raises:
        ValueError: If the video is too short for a line.
    """
    split = SPLITS[split_name]
    rng = np.random.default_rng([split.seed, seed, number, STREAM])
    lines = draw_lines(rng, duration_seconds)
    templates = WORDINGS[-1:] if split.held_out_wordings else WORDINGS[:-1]
    return lines, _ask(rng, lines, templates, count)


def draw_lines(rng: np.random.Generator, duration_seconds: float) -> list[SpokenLine]:
    """
    Draws lines that do not overlap, each at a random time within its equal share of the video.

    Raises:
        ValueError: If the video is too short for a line.
    """
    most = min(int(duration_seconds / (LEAST_SECONDS + GAP_SECONDS)), MOST_LINES)
    if most < 1:
        raise ValueError(f"A video of {duration_seconds} seconds is too short for a spoken line.")
    num_lines = int(rng.integers(min(LEAST_LINES, most), most, endpoint=True))
    share = int(10 * duration_seconds) // num_lines  # in tenths of a second, as what follows
    shortest, longest = round(10 * LEAST_SECONDS), share - round(10 * GAP_SECONDS)
    colours = rng.permutation(list(OBJECT_COLOURS))[:num_lines]
    lines = []
    for place, colour in enumerate(colours):
        length = int(rng.integers(shortest, longest, endpoint=True))
        start = place * share + int(rng.integers(0, longest - length, endpoint=True))
        lines.append(SpokenLine(start / 10, (start + length) / 10, str(colour)))
    return lines


def whole_seconds(line: SpokenLine) -> list[int]:
    """The whole seconds within a line, away from its ends."""
    first, last = line.start_seconds + CLEARANCE_SECONDS, line.end_seconds - CLEARANCE_SECONDS
    return [second for second in range(int(line.end_seconds) + 1) if first - 1e-9 <= second <= last + 1e-9]


def _ask(rng: np.random.Generator, lines: Sequence[SpokenLine], templates: Sequence[str], count: int) -> list[Question]:
    """Asks about every line once, then about every line again, until there are enough questions."""
    found: dict[str, Question] = {}
    for template in rng.permutation(templates):
        for place in rng.permutation(len(lines)):
            text = str(template).format(seconds=int(rng.choice(whole_seconds(lines[place]))))
            if len(found) < count:
                found.setdefault(text, Question(SAID, text, lines[place].text))
    return list(found.values())


def as_subrip(lines: Sequence[SpokenLine]) -> str:
    """Writes lines as a SubRip file (.srt)."""
    cues = [
        f"{number}\n{_clock(line.start_seconds)} --> {_clock(line.end_seconds)}\n{line.text}\n"
        for number, line in enumerate(lines, start=1)
    ]
    return "\n".join(cues)


def _clock(seconds: float) -> str:
    """`00:01:02,300` for 62.3 seconds."""
    tenths = round(10 * seconds)
    minutes, rest = divmod(tenths, 600)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02d}:{minutes:02d}:{rest // 10:02d},{rest % 10}00"
