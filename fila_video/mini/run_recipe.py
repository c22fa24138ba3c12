"""Trains fila-video-mini by its recipe: draws the data, pretrains the vision tower, and runs the stages."""

import json
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Any

from safetensors.torch import load_file, save_file

from configuration_fila import FilaVideoConfig
from fila_video.common.resumable_folder import begin
from fila_video.training.run_stage_file import run_stage_file
from fila_video.training.stage_config import load_stage
from fila_video.world.make_data import make_data_once

from .architecture import mini_config
from .pictures import draw_pictures
from .recipe import LAST_STAGE, NUM_FRAMES_OF, ORDER, STAGES, Recipe, data_plans
from .tokenizer import mini_tokenizer
from .tower import pretrain_tower
from .untrained import write_untrained
from .words import write_words


# All frames of the small model go through the vision tower at once. Its clusterings converge within six steps, and a
# GPU always takes the largest number of steps. The finished model has the usual values again.
ON_A_GPU = {
    "model_options.attn_implementation": "sdpa",
    "model_options.frames_per_chunk": 4096,
    "model_options.kmeans_max_iterations": 10,
    "inference_options.frames_per_chunk": FilaVideoConfig.frames_per_chunk,
    "inference_options.kmeans_max_iterations": FilaVideoConfig.kmeans_max_iterations,
}


def run_recipe(folder: Path, recipe: Recipe, *, until: str = LAST_STAGE) -> Path:
    """
    Trains the small model up to a stage. What is already in the folder is not made again.

    Args:
        folder: Folder for data and checkpoints.
        recipe: How much to train on.
        until: The last stage to train.

    Returns:
        The folder of the trained checkpoint, in float32.

    Raises:
        ValueError: If the folder holds the results of a different recipe.
        OSError: If something cannot be written.
    """
    # Without the machine: a run may continue on a different one.
    amounts = {name: value for name, value in asdict(recipe).items() if name not in ("processes", "device")}
    begin(folder, "recipe.json", amounts)
    stages = ORDER[: [stage for stage, _ in ORDER].index(until) + 1]
    needed = dict.fromkeys(name for stage, data in stages if not _is_trained(folder / stage) for name in data)
    # Data for later stages is drawn while earlier stages train.
    drawing = ThreadPoolExecutor(1)
    records = {name: drawing.submit(_draw, name, folder, recipe) for name in needed}
    try:
        return _train_stages(stages, folder, records, recipe)
    finally:
        # After an error, this waits for the data set that is being drawn, and starts no other.
        drawing.shutdown(cancel_futures=True)


def _train_stages(
    stages: Sequence[tuple[str, tuple[str, ...]]], folder: Path, records: Mapping[str, Future[Path]], recipe: Recipe
) -> Path:
    model = _start(folder, recipe)
    for stage, data in stages:
        if not _is_trained(folder / stage):
            _raise_if_failed(records)
            _train(stage, model, folder / stage, {name: records[name].result() for name in data}, recipe)
        model = folder / stage
    return model


def _raise_if_failed(records: Mapping[str, Future[Path]]) -> None:
    """Raises an error of drawing before the next stage starts, even if only a later stage needs the data."""
    for future in records.values():
        if future.done():
            future.result()


def _is_trained(stage: Path) -> bool:
    return (stage / "trainer_state.json").is_file()


def _draw(name: str, folder: Path, recipe: Recipe) -> Path:
    """Draws a data set, unless it is already there, and returns its file of records."""
    pictures = {kind: folder / "pictures" / f"{kind}.json" for kind in ("captions", "questions")}
    if name in pictures:
        if not all(path.is_file() for path in pictures.values()):
            draw_pictures(folder / "pictures", recipe.pictures, seed=recipe.seed)
        return pictures[name]
    if name == "words":
        path = folder / "words.json"
        return path if path.is_file() else write_words(path, recipe.words, seed=recipe.seed)
    return make_data_once(folder / name, data_plans(recipe)[name], num_workers=recipe.processes)


def _start(folder: Path, recipe: Recipe) -> Path:
    """Writes the untrained model with its pretrained vision tower, unless it is already there."""
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
    """Trains a stage of the recipe on files of records, given by the name of their data set."""
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
        overrides |= _changes_of_video_stage(stage, recipe)
    run_stage_file(STAGES / f"{stage}.yaml", overrides, recipe.processes, device=recipe.device)


def _changes_of_video_stage(stage: str, recipe: Recipe) -> dict[str, Any]:
    """The fields of a stage on videos that the recipe changes: batch sizes and learning rates."""
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
