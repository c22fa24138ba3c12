"""Runs an ablation on the drawn world: trains every variant from stage 3 on, with several seeds, and measures it."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from transformers import AutoConfig, AutoModelForImageTextToText

from fila_video.common.files import write_text
from fila_video.common.loading import no_bars_if_small
from fila_video.common.resumable_folder import begin
from fila_video.training.model.load_model import fit_processor
from fila_video.training.run_stage_file import run_stage_file
from fila_video.world.make_data import DataPlan, make_data_once
from fila_video.world.video_kinds import SHORT
from processing_fila import FilaVideoProcessor

from ..ask import ask_split
from ..load_pipeline import load_pipeline
from .variants import LEARNS_MERGING, TABLES, Variant


STAGE = Path(__file__).with_name("stage.yaml")
QUESTIONS_PER_RECORD = 24
QUESTIONS_PER_VIDEO = 16
WORDINGS = 2  # of each question, as in the small model's training on short videos
BATCH = 6


@dataclass(frozen=True)
class Plan:
    """
    What to run.

    Args:
        start: The checkpoint after stage 3, `image_questions` in the folder of `python -m fila_video.mini`.
        folder: Folder for data, training runs and results. What is already there is not made again.
        seeds: Seeds of the order of the data. There is one training run for each.
        steps: Number of steps of a training run, with batches of 6 videos. No video is used twice.
        test_videos: Number of test videos, with 16 questions each.
        processes: Number of training processes.
    """

    start: Path
    folder: Path
    seeds: Sequence[int] = (0, 1, 2)
    steps: int = 1000
    test_videos: int = 50
    processes: int = 2


def run_table(name: str, plan: Plan) -> dict[str, list[float]]:
    """
    Trains and measures the rows of a table.

    Args:
        name: A key of `TABLES`.
        plan: What to run.

    Returns:
        For each row, the share of correct answers of each seed.

    Raises:
        ValueError: If there is no such table, or if the folder holds the results of a different plan.
        OSError: If there is no checkpoint to start from.
    """
    if name not in TABLES:
        raise ValueError(f"table={name!r} is unknown; choose one of {', '.join(TABLES)}.")
    if len(plan.seeds) < 2:
        raise ValueError(f"{len(plan.seeds)} seeds: an interval needs at least 2.")
    if not (plan.start / "config.json").is_file():
        raise FileNotFoundError(f"{plan.start} holds no checkpoint: run `python -m fila_video.mini` first.")
    begin(plan.folder, "plan.json", {"start": str(plan.start), "steps": plan.steps, "test_videos": plan.test_videos})
    _draw_data(plan)
    return {variant.name: [_share_right(variant, seed, plan) for seed in plan.seeds] for variant in TABLES[name]}


def _draw_data(plan: Plan) -> None:
    """Draws short videos for training and for testing, with the same few wordings of questions."""
    draw = partial(DataPlan, options=SHORT, most_wordings=WORDINGS)
    plans = {
        "train": draw("train", BATCH * plan.steps, QUESTIONS_PER_RECORD),
        "test": draw("test", plan.test_videos, QUESTIONS_PER_VIDEO),
    }
    for name, data in plans.items():
        make_data_once(plan.folder / name, data, num_workers=plan.processes)


def _share_right(variant: Variant, seed: int, plan: Plan) -> float:
    """The share of correct answers of a row with one seed, from its file of answers if that is already there."""
    result = plan.folder / "answers" / f"{variant.name} {seed}.json".replace(" ", "_")
    if not result.is_file():
        pipe = _pipeline_of(_train(variant, seed, plan), variant)
        by_type: dict[str, list[bool]] = {}
        for answer in ask_split(pipe, plan.folder / "test"):
            by_type.setdefault(answer.type, []).append(answer.is_right)
        write_text(result, json.dumps(by_type))
    right = [is_right for group in json.loads(result.read_text(encoding="utf-8")).values() for is_right in group]
    return sum(right) / len(right)


def _train(variant: Variant, seed: int, plan: Plan) -> Path:
    """Trains stage 4 of a variant with the command of a real run."""
    output = plan.folder / "runs" / f"{variant.run} {seed}".replace(" ", "_")
    if (output / "trainer_state.json").is_file():
        return output
    has_merging = variant.training["scene_merging"] in LEARNS_MERGING
    overrides = {
        "model": plan.start,
        "output": output,
        "seed": seed,
        "batch_size": BATCH,
        "max_steps": plan.steps,
        "epochs": 1000,
        "logging_steps": 100,
        "save_steps": 100000,
        "data.sources": json.dumps([{"path": str(plan.folder / "train" / "records.jsonl")}]),
        "data.num_frames": variant.training["num_frames"],
        **{f"model_options.{name}": value for name, value in variant.training.items()},
        # As in training: rows that share a run set their own fields later, in `_pipeline_of`.
        **{f"inference_options.{name}": value for name, value in variant.training.items()},
        **({} if has_merging else {"learning_rates.scene_merging": "null"}),
    }
    run_stage_file(STAGE, overrides, plan.processes)
    return output


def _pipeline_of(trained: Path, variant: Variant) -> Any:
    """The trained weights, with the configuration with which the variant answers questions."""
    config = AutoConfig.from_pretrained(trained)
    for name, value in {**variant.training, **variant.inference}.items():
        setattr(config, name, value)
    processor = FilaVideoProcessor.from_pretrained(trained)
    fit_processor(processor, config)
    with no_bars_if_small(trained):
        model = AutoModelForImageTextToText.from_pretrained(trained, config=config)
    return load_pipeline(model, processor=processor)
