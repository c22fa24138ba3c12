"""Makes fila-video-mini by its recipe: data, tower, and then the stages, each by the command of a real run."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Any

from safetensors.torch import load_file, save_file

from configuration_fila import FilaVideoConfig
from evaluation_fila.make_data import make_data_once
from training_fila.stage_config import load_stage

from .begun import begin
from .pictures import draw_pictures
from .recipe import LAST_STAGE, NUM_FRAMES_OF, ORDER, STAGES, Recipe, data_plans
from .tower import pretrain_tower
from .untrained import mini_config, mini_tokenizer, write_untrained
from .words import write_words


# The small model's frames all go through the tower at once. Its clusterings end within six steps, and a GPU takes every
# step that is allowed. The finished model has the usual values again.
ON_A_GPU = {
    "model_options.attn_implementation": "sdpa",
    "model_options.frames_per_chunk": 4096,
    "model_options.kmeans_max_iterations": 10,
    "inference_options.frames_per_chunk": FilaVideoConfig.frames_per_chunk,
    "inference_options.kmeans_max_iterations": FilaVideoConfig.kmeans_max_iterations,
}


def run_recipe(folder: Path, recipe: Recipe, *, until: str = LAST_STAGE) -> Path:
    """
    Trains the mini up to a stage; what is in the folder already is not made again.

    Returns:
        the folder of the trained checkpoint, in float32.

    Raises:
        ValueError: the folder holds what another recipe made.
        OSError: something cannot be written.
    """
    # On whatever machine a run goes on.
    amounts = {name: value for name, value in asdict(recipe).items() if name not in ("processes", "device")}
    begin(folder, "recipe.json", amounts)
    stages = ORDER[: [stage for stage, _ in ORDER].index(until) + 1]
    needed = dict.fromkeys(name for stage, data in stages if not _is_trained(folder / stage) for name in data)
    # What later stages need is drawn while earlier ones train.
    drawing = ThreadPoolExecutor(1)
    records = {name: drawing.submit(_draw, name, folder, recipe) for name in needed}
    try:
        return _train_stages(stages, folder, records, recipe)
    finally:
        # After an error this waits for the set that is being drawn; no other is begun.
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
    """What later stages need and could not be drawn is said before the next one is trained."""
    for future in records.values():
        if future.done():
            future.result()


def _is_trained(stage: Path) -> bool:
    return (stage / "trainer_state.json").is_file()


def _draw(name: str, folder: Path, recipe: Recipe) -> Path:
    """A file of records; it is whole, or it is not there."""
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
