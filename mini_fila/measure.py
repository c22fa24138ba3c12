"""What the mini is measured on: held-out videos, rendered, asked through the pipeline."""

import json
from dataclasses import asdict
from pathlib import Path

from transformers import pipeline

from evaluation_fila.evaluate import Score, as_table, ask_split, scores_of, write_results
from evaluation_fila.make_data import DataPlan, make_data_once

from .recipe import USUAL


SCORES = "scores.json"  # of a checkpoint, in its folder
QUESTIONS_PER_VIDEO = 16
# 2,000 questions for the table; fewer where only the difference to it is asked.
VIDEOS_OF_SPLIT = {"test": 125, "test_combinations": 60, "test_wordings": 60}


def measure(model: Path, folder: Path, *, share: float = 1.0, dtype: str = "float32") -> dict[str, dict[str, Score]]:
    """
    Draws the splits into a folder, asks the model, and writes `SPLIT.json` for each with scores and answers.

    Args:
        share: of the videos, for a try.

    Returns:
        scores by question type, for each split.
    """
    pipe = pipeline("video-text-to-text", str(model), dtype=dtype)
    found = {}
    for split, num_videos in VIDEOS_OF_SPLIT.items():
        data = folder / split
        make_data_once(data, DataPlan(split, max(round(num_videos * share), 1), QUESTIONS_PER_VIDEO, options=USUAL))
        answered = list(ask_split(pipe, data))
        write_results(folder / f"{split}.json", answered, {"split": split, "dtype": dtype})
        found[split] = scores_of(answered)
        print(f"\n{split}\n\n{as_table(found[split])}", flush=True)
    return found


def save_scores(scores: dict[str, dict[str, Score]], path: Path) -> None:
    """The scores alone, small enough to be kept with the weights."""
    plain = {split: {name: asdict(score) for name, score in of_type.items()} for split, of_type in scores.items()}
    path.write_text(json.dumps(plain, indent=1) + "\n", encoding="utf-8")


def load_scores(path: Path) -> dict[str, dict[str, Score]]:
    """What `save_scores` wrote."""
    plain = json.loads(path.read_text(encoding="utf-8"))
    return {split: {name: Score(**score) for name, score in of_type.items()} for split, of_type in plain.items()}
