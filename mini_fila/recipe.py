"""fila-video-mini from nothing: data, tower, and the stages one after the other, each by the command of a real run."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from safetensors.torch import load_file, save_file

from evaluation_fila.make_data import DataPlan, make_data
from evaluation_fila.wordings import QUESTION_TYPES
from evaluation_fila.world import WorldOptions

from .pictures import draw_pictures
from .tower import pretrain_tower
from .untrained import mini_config, mini_tokenizer, write_untrained
from .words import write_words


STAGES = Path(__file__).with_name("stages")
SHORT = WorldOptions(scenes=(1, 3), seconds=(4.0, 12.0), shortest_share=0.2)
# Every change on one of the 24 frames that `videos_short.yaml` takes: its time can be copied from the prompt.
ON_FRAMES = replace(SHORT, changes_on_frames=24)
USUAL = WorldOptions(scenes=(1, 5), seconds=(8.0, 16.0), shortest_share=0.125)
EVENTS = WorldOptions(scenes=(3, 5), seconds=(16.0, 24.0), events=(1, 2), shortest_share=0.1)
LONG = replace(EVENTS, seconds=(16.0, 96.0))
QUESTIONS_PER_RECORD = 24
# Look-ups are learnt about twice as fast from two wordings of each question as from six; the others are then quick.
WORDINGS_OF_SHORT = 2
# What is asked of short videos. As long as little is found, "It is not in the video." is the safest answer to questions
# in three types' words; which way something moves cannot be told before where it begins.
TYPES_OF_SHORT = tuple(name for name in QUESTION_TYPES if name not in ("absent", "motion"))
OTHER_SEEDS = {"more": 1000, "last": 2000}  # of further videos
# Stage, and what it is trained on, once.
ORDER = (
    ("language", ("words",)),
    ("image_alignment", ("captions",)),
    ("image_knowledge", ("captions",)),
    ("image_questions", ("questions",)),
    ("videos_short", ("short",)),
    ("videos", ("usual", "events")),
    ("videos_long", ("more", "long")),
    ("videos_last", ("last", "last_long")),
)


@dataclass(frozen=True)
class Recipe:
    """How much of everything; `seed` of weights, data and order.

    `processes`: that train, each with a thread and a worker that decodes. Two of them are twice as fast as one with
    two threads, which waits for the worker.
    """

    tower_steps: int = 3000
    pictures: int = 3000
    words: int = 3000
    short_videos: int = 4800
    usual_videos: int = 3900
    event_videos: int = 500
    more_videos: int = 900
    long_videos: int = 900
    last_videos: int = 1200
    last_long_videos: int = 400
    # A video is seen once with each set of 24 questions: seen often with the same ones, answers are learnt by heart.
    # Short videos have one, as two wordings are no more.
    question_sets: int = 3
    seed: int = 0
    processes: int = 2

    def scaled(self, share: float) -> "Recipe":
        """The same recipe with this share of steps and data, for tests."""
        amounts = [
            name for name in vars(self) if name in ("tower_steps", "pictures", "words") or name.endswith("_videos")
        ]
        return Recipe(
            **{**vars(self), **{name: max(round(getattr(self, name) * share), 16) for name in amounts}},
        )


def run_recipe(folder: Path, recipe: Recipe) -> Path:
    """
    Trains the mini; what is in the folder already is not made again.

    Returns:
        the folder of the trained checkpoint, in float32.
    """
    folder.mkdir(parents=True, exist_ok=True)
    records = _draw_data(folder, recipe)
    model = _start(folder, recipe)
    for stage, data in ORDER:
        output = folder / stage
        if not (output / "trainer_state.json").is_file():
            _train(stage, model, output, [records[name] for name in data], recipe)
        model = output
    return model


def _draw_data(folder: Path, recipe: Recipe) -> dict[str, Path]:
    """The files of records by what they are; a file is written last, so what has one is whole."""
    found = {name: folder / "pictures" / f"{name}.json" for name in ("captions", "questions")}
    if not all(path.is_file() for path in found.values()):
        draw_pictures(folder / "pictures", recipe.pictures, seed=recipe.seed)
    found["words"] = folder / "words.json"
    if not found["words"].is_file():
        write_words(found["words"], recipe.words, seed=recipe.seed)
    for name, plan in _plans(recipe).items():
        found[name] = folder / name / "records.jsonl"
        if not found[name].is_file():
            make_data(folder / name, plan, num_workers=recipe.processes)
    return found


def _plans(recipe: Recipe) -> dict[str, DataPlan]:
    """What is drawn for the parts of stage 4."""
    draw = partial(DataPlan, "train", questions_per_record=QUESTIONS_PER_RECORD)
    of_video = recipe.question_sets * QUESTIONS_PER_RECORD
    few = {"options": ON_FRAMES, "most_wordings": WORDINGS_OF_SHORT, "types": TYPES_OF_SHORT}
    return {
        "short": draw(recipe.short_videos, QUESTIONS_PER_RECORD, seed=recipe.seed, **few),
        "usual": draw(recipe.usual_videos, of_video, seed=recipe.seed, options=USUAL),
        "events": draw(recipe.event_videos, of_video, seed=recipe.seed, options=EVENTS),
        "more": draw(recipe.more_videos, of_video, seed=recipe.seed + OTHER_SEEDS["more"], options=USUAL),
        "long": draw(recipe.long_videos, of_video, seed=recipe.seed, options=LONG),
        "last": draw(recipe.last_videos, of_video, seed=recipe.seed + OTHER_SEEDS["last"], options=USUAL),
        "last_long": draw(recipe.last_long_videos, of_video, seed=recipe.seed + OTHER_SEEDS["last"], options=LONG),
    }


def _start(folder: Path, recipe: Recipe) -> Path:
    """The untrained model with its trained tower."""
    output, weights = folder / "untrained", folder / "tower.safetensors"
    if not weights.is_file():
        config = mini_config(mini_tokenizer())
        tower, accuracy = pretrain_tower(config.vision_config, steps=recipe.tower_steps, seed=recipe.seed)
        print("tower:", ", ".join(f"{name} {share:.3f}" for name, share in accuracy.items()), flush=True)
        save_file({name: tensor.contiguous() for name, tensor in tower.items()}, weights)
    if not output.is_dir():
        write_untrained(output, seed=recipe.seed, tower=load_file(weights))
    return output


def _train(stage: str, model: Path, output: Path, records: list[Path], recipe: Recipe) -> None:
    """Trains one of the recipe's stages."""
    overrides = {
        "model": model,
        "output": output,
        "seed": recipe.seed,
        "logging_steps": 50,
        "data.sources": json.dumps([{"path": str(path), "name": path.parent.name} for path in records]),
    }
    run_stage_file(STAGES / f"{stage}.yaml", overrides, recipe.processes)


def run_stage_file(stage: Path, overrides: Mapping[str, Any], processes: int) -> None:
    """Runs `python -m training_fila STAGE key=value ...` in processes of one thread each; its output is seen."""
    overrides = {
        "data.workers": 1,
        "trainer.use_cpu": "true",
        "trainer.disable_tqdm": "true",
        "trainer.adam_beta2": 0.98,
        **overrides,
    }
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", str(processes)]
    command += ["--standalone", "-m", "training_fila", str(stage)]
    command += [f"{key}={value}" for key, value in overrides.items()]
    subprocess.run(command, check=True, env={**os.environ, "OMP_NUM_THREADS": "1"})
