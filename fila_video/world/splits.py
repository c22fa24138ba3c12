"""Training and test splits: separated by seed, by held-out combinations, and by held-out wordings."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .draw_video import draw_video
from .ground_truth import Video
from .questions import Question, ask_questions
from .vocabulary import BACKGROUND_COLOURS, OBJECT_COLOURS, SHAPES
from .world_options import USUAL_WORLD, WorldOptions


@dataclass(frozen=True)
class Split:
    """
    How a split differs from the others.

    Args:
        seed: Different from the seeds of all other splits.
        combinations: `"seen"`: no video has a held-out combination. `"held_out"`: every video has one.
        held_out_wordings: Whether the questions have the wordings that are held out.
    """

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
    """Whether a combination is held out: one in ten is, and every pair of the three is still in the training data."""
    colour_place = list(OBJECT_COLOURS).index(colour)
    shape_place = SHAPES.index(shape)
    background_place = list(BACKGROUND_COLOURS).index(background)
    return (2 * colour_place + shape_place + 3 * background_place) % 10 == 0


def has_held_out(video: Video) -> bool:
    """Whether a video has a held-out combination of color, shape and background."""
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
    """
    Draws one video of a split and its questions. The same arguments always give the same sample.

    Args:
        split_name: A key of `SPLITS`.
        number: Number of the video, from 0.
        num_questions: Number of questions.
        options: Which kind of videos to draw.
        seed: Random seed. A different seed gives different videos of the same split.
        most_wordings: See `ask_questions`.
        more_wordings: See `ask_questions`.
        types: See `ask_questions`.

    Raises:
        ValueError: If the split does not exist, or if `number` or `seed` is negative.
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
    asked = ask_questions(
        video,
        rng,
        num_questions,
        held_out_wordings=split.held_out_wordings,
        most_wordings=most_wordings,
        more_wordings=more_wordings,
        types=types,
    )
    return video, asked
