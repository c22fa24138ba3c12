"""What fila-video-mini is trained on, in which order, and how much of everything."""

import os
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from evaluation_fila.make_data import DataPlan
from evaluation_fila.wordings import QUESTION_TYPES
from evaluation_fila.world import WorldOptions


STAGES = Path(__file__).with_name("stages")
# What is not told apart is objects that share a scene, so these are shown more often than they will be asked about.
PAIRS = 0.4
SHORT = WorldOptions(scenes=(1, 3), seconds=(4.0, 12.0), shortest_share=0.2)
# Every change on one of the 24 frames that `videos_short.yaml` takes, at times that do not follow from their places and
# have to be read in the prompt. Of even times a model learns to estimate them (docs/log.md).
ON_FRAMES = replace(SHORT, changes_on_frames=24, uneven=True, pair_probability=PAIRS)
USUAL = WorldOptions(scenes=(1, 5), seconds=(8.0, 16.0), shortest_share=0.125)
UNEVEN = replace(USUAL, changes_on_frames=48, uneven=True, pair_probability=PAIRS)
EVENTS = WorldOptions(scenes=(3, 5), seconds=(16.0, 24.0), events=(1, 2), shortest_share=0.1)
LONG = replace(EVENTS, seconds=(16.0, 96.0))
QUESTIONS_PER_RECORD = 24
# Look-ups are learnt about twice as fast from two wordings of each question as from six; the others are then quick.
WORDINGS_OF_SHORT = 2
# What is asked of short videos. As long as little is found, "It is not in the video." is the safest answer to questions
# in three types' words; which way something moves cannot be told before where it begins.
TYPES_OF_SHORT = tuple(name for name in QUESTION_TYPES if name not in ("absent", "motion"))
UNEVEN_SEED, REWORDED_SEED = 3000, 6000  # of other videos than the usual ones
# Frames of longer videos, of which the usual 48 would miss every other event and teach to guess.
NUM_FRAMES_OF = dict.fromkeys(("events", "long", "reworded_events"), 96)
# Stage, and what it is trained on, once.
ORDER = (
    ("language", ("words",)),
    ("image_alignment", ("captions",)),
    ("image_knowledge", ("captions",)),
    ("image_questions", ("questions",)),
    ("videos_short", ("short",)),
    ("videos", ("uneven", "usual", "events", "long")),
    ("videos_reworded", ("reworded", "reworded_events")),
)
LAST_STAGE = ORDER[-1][0]


@dataclass(frozen=True)
class Recipe:
    """
    How much of everything; `seed` of weights, data and order. As it stands, for two CPU cores.

    `processes`: that draw, beside the training; on a CPU so many train, each with a thread and a worker that decodes.
    Two of them are twice as fast as one with two threads, which waits for the worker. On a GPU one process trains, and
    so many decode for it.
    """

    tower_steps: int = 3000
    tower_batch: int = 64
    pictures: int = 3000
    words: int = 3000
    short_videos: int = 4800
    uneven_videos: int = 3600
    usual_videos: int = 2700
    event_videos: int = 600
    long_videos: int = 600
    reworded_videos: int = 600
    reworded_event_videos: int = 150
    # A video is seen once with each set of 24 questions: seen often with the same ones, answers are learnt by heart.
    # Short videos have one, as two wordings are no more.
    question_sets: int = 3
    # Types of questions that are named twice for the longer videos, as they are learnt last or least surely. They are
    # asked about 1.3 to 1.6 times as often as if all were named once: a video has only so many of each.
    named_twice: tuple[str, ...] = ("colour", "when", "duration", "motion")
    # Of the stages on videos; None: that of their files. Their rates grow with its cube root.
    batch_size: int | None = None
    seed: int = 0
    processes: int = 2
    device: str = "cpu"

    def scaled(self, share: float) -> "Recipe":
        """The same recipe with this share of steps and data, for tests."""
        amounts = [
            name for name in vars(self) if name in ("tower_steps", "pictures", "words") or name.endswith("_videos")
        ]
        least = max(16, 3 * (self.batch_size or 0))  # so that every stage has some steps
        return replace(self, **{name: max(round(getattr(self, name) * share), least) for name in amounts})


# On a GPU a step takes as long with more samples: about three times as many are seen, in minutes.
LARGE = Recipe(
    tower_batch=128,
    short_videos=14400,
    uneven_videos=7500,
    usual_videos=5500,
    event_videos=1500,
    long_videos=1200,
    reworded_videos=900,
    reworded_event_videos=300,
    question_sets=4,
    batch_size=24,
    processes=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
    device="cuda",
)


def data_plans(recipe: Recipe) -> dict[str, DataPlan]:
    """What is drawn for the parts of stage 4."""
    draw = partial(DataPlan, "train", questions_per_record=QUESTIONS_PER_RECORD)
    few = {"options": ON_FRAMES, "most_wordings": WORDINGS_OF_SHORT, "types": TYPES_OF_SHORT}
    many = {
        "questions_per_video": recipe.question_sets * QUESTIONS_PER_RECORD,
        "types": (*QUESTION_TYPES, *recipe.named_twice),
    }
    reworded = {**many, "seed": recipe.seed + REWORDED_SEED, "more_wordings": True}
    return {
        "short": draw(recipe.short_videos, seed=recipe.seed, questions_per_video=QUESTIONS_PER_RECORD, **few),
        "uneven": draw(recipe.uneven_videos, seed=recipe.seed + UNEVEN_SEED, options=UNEVEN, **many),
        "usual": draw(recipe.usual_videos, seed=recipe.seed, options=USUAL, **many),
        "events": draw(recipe.event_videos, seed=recipe.seed, options=EVENTS, **many),
        "long": draw(recipe.long_videos, seed=recipe.seed, options=LONG, **many),
        "reworded": draw(recipe.reworded_videos, options=USUAL, **reworded),
        "reworded_events": draw(recipe.reworded_event_videos, options=EVENTS, **reworded),
    }
