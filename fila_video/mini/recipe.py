"""The recipe of fila-video-mini: what it is trained on, in which order, and how much of everything."""

from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from fila_video.common.cpus import num_cpus
from fila_video.world.make_data import DataPlan
from fila_video.world.video_kinds import EVENTS, LONG, ON_FRAMES, UNEVEN, USUAL
from fila_video.world.wordings import QUESTION_TYPES
from fila_video.world.world_options import WorldOptions


STAGES = Path(__file__).with_name("stages")
QUESTIONS_PER_RECORD = 24
# Look-ups are learned about twice as fast from two wordings of each question as from six. The other wordings are then
# learned quickly.
WORDINGS_OF_SHORT = 2
# The types of questions about short videos. `absent` is left out: while the model finds few objects, "It is not in the
# video." would be its safest answer to any question with the same wording. `motion` is left out because the model
# cannot learn it before it has learned where something begins.
TYPES_OF_SHORT = tuple(name for name in QUESTION_TYPES if name not in ("absent", "motion"))
UNEVEN_SEED, REWORDED_SEED = 3000, 6000  # added to the recipe's seed, so that these videos are not the usual ones again
# Numbers of frames of longer videos. The usual 48 frames would miss every other event and teach the model to guess.
NUM_FRAMES_OF = dict.fromkeys(("events", "long", "reworded_events"), 96)
# Each stage with its data sets, which it sees once.
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
    How much to train on. The defaults are made for two CPU cores.

    Args:
        tower_steps: Number of steps of the vision tower's training.
        tower_batch: Number of frames in a batch of that training.
        pictures: Number of pictures for the stages on images.
        words: Number of questions without a video, for the language model.
        short_videos: Number of videos for the first part of stage 4.
        uneven_videos: Number of videos with irregular times, for the second part.
        usual_videos: Number of videos like those of the test.
        event_videos: Number of videos with short events.
        long_videos: Number of videos of up to 96 seconds, with short events.
        reworded_videos: Number of videos for the third part, with more wordings.
        reworded_event_videos: The same for videos with short events.
        question_sets: Number of sets of 24 questions about each longer video. The model sees a video once with each
            set: if it saw a video often with the same questions, it would memorize the answers. Short videos have one
            set, because two wordings give no more.
        named_twice: Types of questions that are named twice for the longer videos, because they are learned last or
            least reliably. They are asked about 1.3 to 1.6 times as often as if every type was named once, because a
            video has a limited number of questions of each type.
        batch_size: Number of videos in a batch of the stages on videos. Learning rates grow with its cube root.
            Default: the number in the files of the stages.
        seed: Random seed of weights, data and order.
        processes: Number of processes that draw data while the training runs. On a CPU the same number of processes
            train, each with one thread and a worker that decodes; two of them are twice as fast as one with two
            threads, which waits for its worker. On a GPU, one process trains, and this number of workers decode for it.
        device: `"cpu"` or `"cuda"`.
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
    question_sets: int = 3
    named_twice: tuple[str, ...] = ("colour", "when", "duration", "motion")
    batch_size: int | None = None
    seed: int = 0
    processes: int = 2
    device: str = "cpu"

    def scaled(self, share: float) -> "Recipe":
        """The same recipe with a share of its steps and data, for trial runs and tests."""
        amounts = [
            name for name in vars(self) if name in ("tower_steps", "pictures", "words") or name.endswith("_videos")
        ]
        least = max(16, 3 * (self.batch_size or 0))  # gives every stage some steps
        return replace(self, **{name: max(round(getattr(self, name) * share), least) for name in amounts})


# On a GPU, a step with more samples takes no longer, so the recipe uses about three times the data.
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
    processes=num_cpus(),
    device="cuda",
)


def data_plans(recipe: Recipe) -> dict[str, DataPlan]:
    """The drawn videos of stage 4, by the name of the data set."""
    draw = partial(DataPlan, "train", questions_per_record=QUESTIONS_PER_RECORD)
    short = draw(
        recipe.short_videos,
        QUESTIONS_PER_RECORD,
        seed=recipe.seed,
        options=ON_FRAMES,
        most_wordings=WORDINGS_OF_SHORT,
        types=TYPES_OF_SHORT,
    )

    def longer(num_videos: int, options: WorldOptions, seed: int = 0, more_wordings: bool = False) -> DataPlan:
        return draw(
            num_videos,
            recipe.question_sets * QUESTIONS_PER_RECORD,
            seed=recipe.seed + seed,
            options=options,
            more_wordings=more_wordings,
            types=(*QUESTION_TYPES, *recipe.named_twice),
        )

    return {
        "short": short,
        "uneven": longer(recipe.uneven_videos, UNEVEN, UNEVEN_SEED),
        "usual": longer(recipe.usual_videos, USUAL),
        "events": longer(recipe.event_videos, EVENTS),
        "long": longer(recipe.long_videos, LONG),
        "reworded": longer(recipe.reworded_videos, USUAL, REWORDED_SEED, more_wordings=True),
        "reworded_events": longer(recipe.reworded_event_videos, EVENTS, REWORDED_SEED, more_wordings=True),
    }
