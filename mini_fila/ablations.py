"""Runs the paper's ablations on the drawn world: every variant is trained from stage 3 on, with several seeds."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from transformers import AutoConfig, AutoModelForImageTextToText, pipeline

from dataset_fila.files import write_text
from evaluation_fila.evaluate import ask_split
from evaluation_fila.make_data import DataPlan, make_data_once
from processing_fila import FilaVideoProcessor
from training_fila.model import fit_processor

from .begun import begin
from .recipe import QUESTIONS_PER_RECORD, SHORT, STAGES, WORDINGS_OF_SHORT
from .run_recipe import run_stage_file
from .variants import LEARNS_MERGING, TABLES, Variant


QUESTIONS_PER_VIDEO = 16
BATCH = 6


@dataclass(frozen=True)
class Plan:
    """
    What is run.

    Args:
        start: the checkpoint after stage 3 (`image_questions` of `make mini`).
        folder: for data, runs and results; what is there is not made again.
        seeds: of the order of the data; one training run for each.
        steps: of a run, with batches of 6 videos; no video is seen twice.
        test_videos: asked 16 questions each.
        processes: that train.
    """

    start: Path
    folder: Path
    seeds: Sequence[int] = (0, 1, 2)
    steps: int = 1000
    test_videos: int = 50
    processes: int = 2


def run_table(name: str, plan: Plan) -> dict[str, list[float]]:
    """
    The share of right answers of each row of a table, one for each seed.

    Raises:
        ValueError: there is no such table, or the folder holds the results of another plan.
        OSError: there is no checkpoint to start from.
    """
    if name not in TABLES:
        raise ValueError(f"table={name!r} is unknown; choose one of {', '.join(TABLES)}.")
    if not (plan.start / "config.json").is_file():
        raise FileNotFoundError(f"{plan.start} holds no checkpoint: run `make mini` first.")
    begin(
        plan.folder,
        "plan.json",
        {"start": str(plan.start), "steps": plan.steps, "test_videos": plan.test_videos},
    )
    _draw_data(plan)
    return {variant.name: [_share_right(variant, seed, plan) for seed in plan.seeds] for variant in TABLES[name]}


def _draw_data(plan: Plan) -> None:
    """Short videos to train on and to be asked about, in the same few wordings."""
    draw = partial(DataPlan, options=SHORT, most_wordings=WORDINGS_OF_SHORT)
    plans = {
        "train": draw("train", BATCH * plan.steps, QUESTIONS_PER_RECORD),
        "test": draw("test", plan.test_videos, QUESTIONS_PER_VIDEO),
    }
    for name, data in plans.items():
        make_data_once(plan.folder / name, data, num_workers=plan.processes)


def _share_right(variant: Variant, seed: int, plan: Plan) -> float:
    result = plan.folder / "answers" / f"{variant.name} {seed}.json".replace(" ", "_")
    if not result.is_file():
        trained = _train(variant, seed, plan)
        pipe = _pipeline(trained, variant)
        answered = list(ask_split(pipe, plan.folder / "test"))
        by_type: dict[str, list[bool]] = {}
        for answer in answered:
            by_type.setdefault(answer.type, []).append(answer.is_right)
        write_text(result, json.dumps(by_type))
    right = [is_right for group in json.loads(result.read_text(encoding="utf-8")).values() for is_right in group]
    return sum(right) / len(right)


def _train(variant: Variant, seed: int, plan: Plan) -> Path:
    """Stage 4 of a variant, by the command of a real run."""
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
        # As trained: rows that share a run differ when they are asked.
        **{f"inference_options.{name}": value for name, value in variant.training.items()},
        **({} if has_merging else {"learning_rates.scene_merging": "null"}),
    }
    run_stage_file(STAGES / "ablation.yaml", overrides, plan.processes)
    return output


def _pipeline(trained: Path, variant: Variant):
    """The trained weights, used as the variant says."""
    config = AutoConfig.from_pretrained(trained)
    for name, value in {**variant.training, **variant.inference}.items():
        setattr(config, name, value)
    processor = FilaVideoProcessor.from_pretrained(trained)
    fit_processor(processor, config)
    model = AutoModelForImageTextToText.from_pretrained(trained, config=config)
    return pipeline("video-text-to-text", model=model, processor=processor)
