"""Writes a split to disk: videos, records in LLaVA's format to train on, and the ground truth to judge answers by."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from functools import partial
from operator import itemgetter
from pathlib import Path
from typing import Any

from fila_video.common.files import written_whole
from fila_video.common.workers import run_tasks

from .chance_levels import chance_levels
from .ground_truth import Video
from .questions import Question, check_types
from .render_video import render_video
from .splits import draw_sample
from .spoken_lines import SpokenLine, as_subrip, draw_spoken
from .world_options import USUAL_WORLD, WorldOptions


Sample = tuple[Video, list[Question]]


@dataclass(frozen=True)
class DataPlan:
    """
    What to draw.

    Args:
        split: A key of `SPLITS`.
        num_videos: Number of videos, which are numbered from 0.
        questions_per_video: Number of questions about each video.
        seed: Random seed. A different seed gives different videos of the same split.
        options: Which kind of videos to draw.
        questions_per_record: Largest number of questions in a record. Default: all questions about a video.
        most_wordings: Largest number of wordings of each type of question. Default: all of the split.
        more_wordings: Use additional wordings. Only for the split `train`.
        types: Ask only questions of these types, up to `questions_per_video` of each video. Default: all types.
        spoken_questions: Number of further questions about each video, which only its subtitles answer. With them,
            every video has subtitles.

    Raises:
        ValueError: If a number is below 1, if a type is unknown, or if options exclude each other.
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
    spoken_questions: int = 0

    def __post_init__(self) -> None:
        for name in ("num_videos", "questions_per_video", "questions_per_record", "most_wordings"):
            if getattr(self, name) is not None and getattr(self, name) < 1:
                raise ValueError(f"{name}={getattr(self, name)} must be at least 1.")
        if self.spoken_questions < 0:
            raise ValueError(f"spoken_questions={self.spoken_questions} must not be negative.")
        if self.more_wordings and self.split != "train":
            raise ValueError(f"more_wordings is for training: the split {self.split!r} has its own wordings.")
        if self.more_wordings and self.most_wordings is not None:
            raise ValueError(f"more_wordings and most_wordings={self.most_wordings} exclude each other.")
        check_types(self.types)


def make_data(folder: Path, plan: DataPlan, *, num_workers: int = 1) -> None:
    """
    Draws a split into a folder.

    Writes `videos/`, and `subtitles/` if there are spoken questions, then `truth.jsonl`, and `records.jsonl` last. Each
    of the two files is complete or absent. The same plan gives the same files with any number of workers. A record
    holds a conversation about a video. A line of `truth.jsonl` holds the file of a video, its ground truth, and its
    questions with type, answer and chance level.

    Args:
        folder: Folder to write.
        plan: What to draw.
        num_workers: Number of processes.

    Raises:
        ValueError: If `num_workers` is below 1, or if the split does not exist.
        OSError: If the folder cannot be written.
    """
    if num_workers < 1:
        raise ValueError(f"num_workers={num_workers} must be at least 1.")
    (folder / "videos").mkdir(parents=True, exist_ok=True)
    if plan.spoken_questions:
        (folder / "subtitles").mkdir(exist_ok=True)
    samples = _write_videos(folder, plan, num_workers)
    levels = chance_levels((question, video.duration_seconds) for video, asked in samples for question in asked)
    named = [(_name(plan, number), *sample) for number, sample in enumerate(samples)]
    _write_lines(folder / "truth.jsonl", (_truth(name, video, asked, levels, plan) for name, video, asked in named))
    records = (record for name, _, asked in named for record in _records(name, asked, plan))
    _write_lines(folder / "records.jsonl", records)


def make_data_once(folder: Path, plan: DataPlan, *, num_workers: int = 1) -> Path:
    """
    Like `make_data`, but does nothing if the folder is already complete.

    Returns:
        The file of records.
    """
    records = folder / "records.jsonl"
    if not records.is_file():
        make_data(folder, plan, num_workers=num_workers)
    return records


def sample_of(plan: DataPlan, number: int) -> Sample:
    """A video of a plan, and its questions; those about what is said are the last."""
    video, asked = draw_sample(
        plan.split,
        number,
        num_questions=plan.questions_per_video,
        options=plan.options,
        seed=plan.seed,
        most_wordings=plan.most_wordings,
        more_wordings=plan.more_wordings,
        types=plan.types,
    )
    return video, [*asked, *_spoken(plan, number, video)[1]]


def _spoken(plan: DataPlan, number: int, video: Video) -> tuple[list[SpokenLine], list[Question]]:
    if not plan.spoken_questions:
        return [], []
    return draw_spoken(plan.split, number, video.duration_seconds, plan.spoken_questions, seed=plan.seed)


def _write_videos(folder: Path, plan: DataPlan, num_workers: int) -> list[Sample]:
    write = partial(_write_video, folder=folder, plan=plan)
    drawn = run_tasks(write, range(plan.num_videos), num_workers=num_workers, title="drawing", unit="video")
    return [sample for _, sample in sorted(drawn, key=itemgetter(0))]


def _write_video(number: int, *, folder: Path, plan: DataPlan) -> tuple[int, Sample]:
    video, asked = sample_of(plan, number)
    render_video(video, folder / _file(_name(plan, number)))
    if plan.spoken_questions:
        text = as_subrip(_spoken(plan, number, video)[0])
        (folder / _subtitle_file(_name(plan, number))).write_text(text, encoding="utf-8")
    return number, (video, asked)


def _name(plan: DataPlan, number: int) -> str:
    return f"{plan.split}_{number:06d}"


def _file(name: str) -> str:
    return f"videos/{name}.mp4"


def _subtitle_file(name: str) -> str:
    return f"subtitles/{name}.srt"


def _files(name: str, plan: DataPlan) -> dict[str, str]:
    subtitles = {"subtitles": _subtitle_file(name)} if plan.spoken_questions else {}
    return {"video": _file(name), **subtitles}


def _records(name: str, asked: list[Question], plan: DataPlan) -> Iterator[dict[str, Any]]:
    """Conversations about a video. Their ids are numbered if there are several."""
    size = plan.questions_per_record or max(len(asked), 1)
    for number, start in enumerate(range(0, len(asked), size)):
        record_id = name if size >= len(asked) else f"{name}_{number}"
        yield {"id": record_id, **_files(name, plan), "conversations": _turns(asked[start : start + size])}


def _turns(asked: list[Question]) -> list[dict[str, str]]:
    turns: list[dict[str, str]] = []
    for question in asked:
        placeholder = "" if turns else "<video>\n"
        turns.append({"from": "human", "value": placeholder + question.text})
        turns.append({"from": "gpt", "value": question.answer})
    return turns


def _truth(name: str, video: Video, asked: list[Question], levels: dict[str, float], plan: DataPlan) -> dict[str, Any]:
    questions = [{**asdict(question), "chance": levels[question.type]} for question in asked]
    return {"id": name, **_files(name, plan), "truth": asdict(video), "questions": questions}


def _write_lines(path: Path, rows: Iterable[dict[str, Any]]) -> None:
    with written_whole(path) as part, part.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)
