"""fila-video-mini from nothing: data, tower, and the stages one after the other, each by the command of a real run."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from safetensors.torch import load_file, save_file

from configuration_fila import FilaVideoConfig
from evaluation_fila.make_data import DataPlan, make_data
from evaluation_fila.wordings import QUESTION_TYPES
from evaluation_fila.world import WorldOptions
from training_fila.stage_config import load_stage

from .begun import begin
from .pictures import draw_pictures
from .tower import pretrain_tower
from .untrained import mini_config, mini_tokenizer, write_untrained
from .words import write_words


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
UNEVEN_SEED = 3000  # of other videos than the usual ones
# Frames of longer videos, of which the usual 48 would miss every other event and teach to guess.
NUM_FRAMES_OF = dict.fromkeys(("events", "long"), 96)
# The small model's frames all go through the tower at once. Its clusterings end within six steps, and a GPU takes every
# step that is allowed. The finished model has the usual values again.
ON_A_GPU = {
    "model_options.attn_implementation": "sdpa",
    "model_options.frames_per_chunk": 4096,
    "model_options.kmeans_max_iterations": 10,
    "inference_options.frames_per_chunk": FilaVideoConfig.frames_per_chunk,
    "inference_options.kmeans_max_iterations": FilaVideoConfig.kmeans_max_iterations,
}
# Stage, and what it is trained on, once.
ORDER = (
    ("language", ("words",)),
    ("image_alignment", ("captions",)),
    ("image_knowledge", ("captions",)),
    ("image_questions", ("questions",)),
    ("videos_short", ("short",)),
    ("videos", ("uneven", "usual", "events", "long")),
)
LAST_STAGE = ORDER[-1][0]


@dataclass(frozen=True)
class Recipe:
    """
    How much of everything; `seed` of weights, data and order. As it stands, for two CPU cores.

    `processes`: that draw; on a CPU, that train too, each with a thread and a worker that decodes. Two of them are
    twice as fast as one with two threads, which waits for the worker. On a GPU one process trains, and so many decode
    for it.
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
    # A video is seen once with each set of 24 questions: seen often with the same ones, answers are learnt by heart.
    # Short videos have one, as two wordings are no more.
    question_sets: int = 3
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
        least = max(16, 3 * (self.batch_size or 0))
        return replace(self, **{name: max(round(getattr(self, name) * share), least) for name in amounts})


# On a GPU a step takes as long with four times the samples: about three times as many are seen, in minutes.
LARGE = Recipe(
    tower_batch=128,
    short_videos=14400,
    uneven_videos=7500,
    usual_videos=5500,
    event_videos=1500,
    long_videos=1200,
    question_sets=4,
    batch_size=24,
    processes=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
    device="cuda",
)


def run_recipe(folder: Path, recipe: Recipe, *, until: str = LAST_STAGE) -> Path:
    """
    Trains the mini up to a stage; what is in the folder already is not made again.

    Returns:
        the folder of the trained checkpoint, in float32.

    Raises:
        ValueError: the folder holds what another recipe made.
    """
    # On whatever machine a run goes on.
    amounts = {name: value for name, value in asdict(recipe).items() if name not in ("processes", "device")}
    begin(folder, "recipe.json", amounts)
    stages = ORDER[: [stage for stage, _ in ORDER].index(until) + 1]
    with ThreadPoolExecutor(1) as drawing:
        # What later stages need is drawn while earlier ones train.
        records = {name: drawing.submit(_draw, name, folder, recipe) for _, data in stages for name in data}
        try:
            return _train_stages(stages, folder, records, recipe)
        finally:
            drawing.shutdown(wait=False, cancel_futures=True)


def _train_stages(stages, folder: Path, records: Mapping[str, Future[Path]], recipe: Recipe) -> Path:
    model = _start(folder, recipe)
    for stage, data in stages:
        output = folder / stage
        if not (output / "trainer_state.json").is_file():
            _train(stage, model, output, {name: records[name].result() for name in data}, recipe)
        model = output
    return model


def _draw(name: str, folder: Path, recipe: Recipe) -> Path:
    """A file of records; it is written last, so what has one is whole."""
    if name == "words":
        path = folder / "words.json"
        make = partial(write_words, path, recipe.words, seed=recipe.seed)
    elif name in ("captions", "questions"):
        path = folder / "pictures" / f"{name}.json"
        make = partial(draw_pictures, path.parent, recipe.pictures, seed=recipe.seed)
    else:
        path = folder / name / "records.jsonl"
        make = partial(make_data, path.parent, _plans(recipe)[name], num_workers=recipe.processes)
    if not path.is_file():
        make()
    return path


def _plans(recipe: Recipe) -> dict[str, DataPlan]:
    """What is drawn for the parts of stage 4."""
    draw = partial(DataPlan, "train", questions_per_record=QUESTIONS_PER_RECORD)
    of_video = recipe.question_sets * QUESTIONS_PER_RECORD
    few = {"options": ON_FRAMES, "most_wordings": WORDINGS_OF_SHORT, "types": TYPES_OF_SHORT}
    return {
        "short": draw(recipe.short_videos, QUESTIONS_PER_RECORD, seed=recipe.seed, **few),
        "uneven": draw(recipe.uneven_videos, of_video, seed=recipe.seed + UNEVEN_SEED, options=UNEVEN),
        "usual": draw(recipe.usual_videos, of_video, seed=recipe.seed, options=USUAL),
        "events": draw(recipe.event_videos, of_video, seed=recipe.seed, options=EVENTS),
        "long": draw(recipe.long_videos, of_video, seed=recipe.seed, options=LONG),
    }


def _start(folder: Path, recipe: Recipe) -> Path:
    """The untrained model with its trained tower."""
    output, weights = folder / "untrained", folder / "tower.safetensors"
    if not weights.is_file():
        config = mini_config(mini_tokenizer())
        tower, accuracy = pretrain_tower(
            config.vision_config,
            steps=recipe.tower_steps,
            seed=recipe.seed,
            batch_size=recipe.tower_batch,
            workers=recipe.processes,
            device=recipe.device,
        )
        print("tower:", ", ".join(f"{name} {share:.3f}" for name, share in accuracy.items()), flush=True)
        save_file({name: tensor.contiguous() for name, tensor in tower.items()}, weights)
    if not output.is_dir():
        write_untrained(output, seed=recipe.seed, tower=load_file(weights))
    return output


def _train(stage: str, model: Path, output: Path, records: Mapping[str, Path], recipe: Recipe) -> None:
    """Trains one of the recipe's stages on files of records, by what they are."""
    sources = [
        {"path": str(path), "name": name, "num_frames": NUM_FRAMES_OF.get(name)} for name, path in records.items()
    ]
    overrides = {
        "model": model,
        "output": output,
        "seed": recipe.seed,
        "logging_steps": 50,
        "data.sources": json.dumps(sources),
    }
    if stage.startswith("videos"):
        overrides |= _of_videos(stage, recipe)
    run_stage_file(STAGES / f"{stage}.yaml", overrides, recipe.processes, device=recipe.device)


def _of_videos(stage: str, recipe: Recipe) -> dict[str, Any]:
    """What the recipe changes of a stage on videos."""
    loaded = load_stage(STAGES / f"{stage}.yaml", ["data.sources=[{path: any}]", "model=any", "output=any"])
    batch_size, micro_batch_size = recipe.batch_size or loaded.batch_size, loaded.micro_batch_size
    factor = (batch_size / loaded.batch_size) ** (1 / 3)
    changed: dict[str, Any] = {
        f"learning_rates.{part}": rate * factor for part, rate in loaded.learning_rates.items() if rate
    }
    if recipe.device != "cpu":
        micro_batch_size = batch_size
        changed |= ON_A_GPU
    return {**changed, "batch_size": batch_size, "micro_batch_size": micro_batch_size}


def run_stage_file(stage: Path, overrides: Mapping[str, Any], processes: int, *, device: str = "cpu") -> None:
    """
    Runs `python -m training_fila STAGE key=value ...`; its output is seen. On a CPU in so many processes of one thread
    each; on a GPU in one, for which so many decode.
    """
    on_cpu = device == "cpu"
    overrides = {
        "data.workers": 1 if on_cpu else processes,
        "trainer.use_cpu": str(on_cpu).lower(),
        "trainer.disable_tqdm": "true",
        "trainer.adam_beta2": 0.98,
        **overrides,
    }
    # With a launcher on one GPU too: without, transformers' Trainer would take all that it sees.
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", str(processes if on_cpu else 1)]
    command += ["--standalone", "-m", "training_fila", str(stage)]
    command += [f"{key}={value}" for key, value in overrides.items()]
    subprocess.run(command, check=True, env={**os.environ, "OMP_NUM_THREADS": "1"})
