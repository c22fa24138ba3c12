"""Writes a split to disk: videos, LLaVA's records to train on, and the ground truth to score by."""

import json
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path

from dataset_fila.files import written_whole

from .chance import chance_levels
from .questions import Question, check_types
from .rendering import render_video
from .splits import draw_sample
from .world import USUAL_WORLD, Video, WorldOptions


@dataclass(frozen=True)
class DataPlan:
    """
    What is written: `num_videos` of a split, numbered from 0, with so many questions each, in records of at most
    `questions_per_record` (None: of all). `most_wordings`: of each type of question, None for all of the split;
    `more_wordings`: more than the split has, for training.
    `types`: the only ones that are asked, of each video as many as there are up to `questions_per_video`; None for all.
    """

    split: str
    num_videos: int
    questions_per_video: int
    seed: int = 0
    options: WorldOptions = USUAL_WORLD
    questions_per_record: int | None = None
    most_wordings: int | None = None
    more_wordings: bool = False
    types: tuple[str, ...] | None = None

    def __post_init__(self):
        for name in ("num_videos", "questions_per_video", "questions_per_record", "most_wordings"):
            if getattr(self, name) is not None and getattr(self, name) < 1:
                raise ValueError(f"{name}={getattr(self, name)} must be at least 1.")
        if self.more_wordings and self.split != "train":
            raise ValueError(f"more_wordings is for training: {self.split!r} has its own wordings.")
        if self.more_wordings and self.most_wordings is not None:
            raise ValueError(f"more_wordings and most_wordings={self.most_wordings} exclude each other.")
        check_types(self.types)


def make_data(folder: Path, plan: DataPlan, *, num_workers: int = 1) -> None:
    """
    Writes `videos/`, `truth.jsonl` and, last, `records.jsonl`; each file of lines is whole or absent. The same plan,
    the same files, with any number of workers.

    A record is LLaVA's: the questions about a video in one conversation, or in several. A line of truth has the
    video's file, its ground truth, and its questions with type, answer and chance level.

    Raises:
        ValueError: `num_workers` is below 1, or there is no such split.
        OSError: the folder cannot be written.
    """
    if num_workers < 1:
        raise ValueError(f"num_workers={num_workers} must be at least 1.")
    (folder / "videos").mkdir(parents=True, exist_ok=True)
    write = partial(_write_video, folder=folder, plan=plan)
    if num_workers == 1:
        samples = list(map(write, range(plan.num_videos)))
    else:
        # FFmpeg's threads survive no plain fork.
        with ProcessPoolExecutor(num_workers, mp_context=get_context("spawn")) as pool:
            samples = list(pool.map(write, range(plan.num_videos), chunksize=8))
    levels = chance_levels((question, video.duration_seconds) for video, asked in samples for question in asked)
    names = [_name(plan, number) for number in range(plan.num_videos)]
    records = (
        record for name, (_, asked) in zip(names, samples, strict=True) for record in _records(name, asked, plan)
    )
    truths = (_truth(name, *sample, levels) for name, sample in zip(names, samples, strict=True))
    _write_lines(folder / "truth.jsonl", truths)
    _write_lines(folder / "records.jsonl", records)


def make_data_once(folder: Path, plan: DataPlan, *, num_workers: int = 1) -> Path:
    """
    `make_data`, unless the folder has been written whole.

    Returns:
        its file of records.
    """
    records = folder / "records.jsonl"
    if not records.is_file():
        make_data(folder, plan, num_workers=num_workers)
    return records


def sample_of(plan: DataPlan, number: int) -> tuple[Video, list[Question]]:
    """A video of a plan, and what is asked about it."""
    return draw_sample(
        plan.split,
        number,
        num_questions=plan.questions_per_video,
        options=plan.options,
        seed=plan.seed,
        most_wordings=plan.most_wordings,
        more_wordings=plan.more_wordings,
        types=plan.types,
    )


def _write_video(number: int, *, folder: Path, plan: DataPlan) -> tuple[Video, list[Question]]:
    video, asked = sample_of(plan, number)
    render_video(video, folder / _file(_name(plan, number)))
    return video, asked


def _name(plan: DataPlan, number: int) -> str:
    return f"{plan.split}_{number:06d}"


def _file(name: str) -> str:
    return f"videos/{name}.mp4"


def _records(name: str, asked: list[Question], plan: DataPlan) -> Iterator[dict]:
    size = plan.questions_per_record or max(len(asked), 1)
    for number, start in enumerate(range(0, len(asked), size)):
        yield {**_record(name, asked[start : start + size]), "id": name if size >= len(asked) else f"{name}_{number}"}


def _record(name: str, asked: list[Question]) -> dict:
    turns = []
    for question in asked:
        placeholder = "" if turns else "<video>\n"
        turns.append({"from": "human", "value": placeholder + question.text})
        turns.append({"from": "gpt", "value": question.answer})
    return {"id": name, "video": _file(name), "conversations": turns}


def _truth(name: str, video: Video, asked: list[Question], levels: dict[str, float]) -> dict:
    questions = [{**asdict(question), "chance": levels[question.type]} for question in asked]
    return {"id": name, "video": _file(name), "truth": asdict(video), "questions": questions}


def _write_lines(path: Path, rows) -> None:
    with written_whole(path) as part, part.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)
