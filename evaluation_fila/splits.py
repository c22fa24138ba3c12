"""Which videos are for training and which are not: by seed, and by combinations of colour, shape and background."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .questions import Question, ask_questions
from .vocabulary import BACKGROUND_COLOURS, OBJECT_COLOURS, SHAPES
from .world import USUAL_WORLD, Video, WorldOptions, draw_video


@dataclass(frozen=True)
class Split:
    """`seed`: apart from those of all other splits; `combinations`: of the videos, "seen" or "held_out"."""

    seed: int
    combinations: str = "seen"
    held_out_wordings: bool = False


SPLITS = {
    "train": Split(0),
    "validation": Split(1),
    "test": Split(2),
    "test_combinations": Split(3, combinations="held_out"),
    "test_wordings": Split(4, held_out_wordings=True),
}


def is_held_out(colour: str, shape: str, background: str) -> bool:
    """One combination in ten, spread so that no pair of the three is held out whole."""
    colour_place = list(OBJECT_COLOURS).index(colour)
    shape_place = SHAPES.index(shape)
    background_place = list(BACKGROUND_COLOURS).index(background)
    return (2 * colour_place + shape_place + 3 * background_place) % 10 == 0


def has_held_out(video: Video) -> bool:
    return any(
        is_held_out(item.colour, item.shape, scene.background) for scene in video.scenes for item in scene.objects
    )


def draw_sample(
    split_name: str,
    number: int,
    *,
    num_questions: int,
    options: WorldOptions = USUAL_WORLD,
    seed: int = 0,
    most_wordings: int | None = None,
    more_wordings: bool = False,
    types: Sequence[str] | None = None,
) -> tuple[Video, list[Question]]:
    """Video `number` of a split and its questions; the same arguments, the same sample.

    Args:
        seed: another one gives other videos of the same split.
        most_wordings: only so many wordings of each type of question.
        more_wordings: also those of `MORE_WORDINGS`, for training.
        types: of questions; see `ask_questions`.

    Raises:
        ValueError: no such split, or a negative number or seed.
    """
    if split_name not in SPLITS:
        raise ValueError(f"split={split_name!r} is unknown; choose one of {', '.join(SPLITS)}.")
    if number < 0 or seed < 0:
        raise ValueError(f"number={number} and seed={seed} must not be negative.")
    split = SPLITS[split_name]
    rng = np.random.default_rng([split.seed, seed, number])
    wants_held_out = split.combinations == "held_out"
    video = draw_video(rng, options)
    while has_held_out(video) != wants_held_out:
        video = draw_video(rng, options)
    asking = {
        "held_out_wordings": split.held_out_wordings,
        "most_wordings": most_wordings,
        "more_wordings": more_wordings,
        "types": types,
    }
    return video, ask_questions(video, rng, num_questions, **asking)
