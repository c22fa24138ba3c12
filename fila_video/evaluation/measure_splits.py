"""Measures a small model on the held-out splits: draws their videos and asks the model about them."""

from pathlib import Path

from fila_video.world.make_data import DataPlan, make_data_once
from fila_video.world.video_kinds import USUAL

from .ask import ask_split
from .load_pipeline import load_pipeline
from .scores import Score, as_table, scores_of, write_results


QUESTIONS_PER_VIDEO = 16
# 2,000 questions for the main table; fewer for the splits that are compared with it.
VIDEOS_OF_SPLIT = {"test": 125, "test_combinations": 60, "test_wordings": 60}


def measure_splits(
    model: Path, folder: Path, *, share: float = 1.0, dtype: str = "float32"
) -> dict[str, dict[str, Score]]:
    """
    Asks a model about each held-out split. Prints its table, and writes `SPLIT.json` with scores and answers.

    Args:
        model: Folder of the model.
        folder: Folder for videos and results.
        share: Share of the videos to use, for a trial run.
        dtype: Dtype of the weights.

    Returns:
        For each split, the score of each type of question.
    """
    pipe = load_pipeline(str(model), dtype=dtype)
    found = {}
    for split, num_videos in VIDEOS_OF_SPLIT.items():
        data = folder / split
        make_data_once(data, DataPlan(split, max(round(num_videos * share), 1), QUESTIONS_PER_VIDEO, options=USUAL))
        answered = list(ask_split(pipe, data))
        write_results(folder / f"{split}.json", answered, {"split": split, "dtype": dtype})
        found[split] = scores_of(answered)
        print(f"\n{split}\n\n{as_table(found[split])}", flush=True)
    return found
