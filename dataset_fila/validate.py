"""Checking a dataset before training: every record and every video, and all that is wrong rather than the first."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from processing_fila.video_reader import VideoReader, VideoReadError

from .captions import VIDEO_TOKEN, read_answer
from .check import ScenePlaceError, check_boundaries, check_decodable, check_length, frame_length
from .files import read_records, sha256_of_file
from .probe import count_readable
from .statistics import annotation_file
from .workers import run_tasks


DECODE = ("boundaries", "all")
# The text gives hundredths of a second.
TEXT_TOLERANCE_SECONDS = 0.005


@dataclass(frozen=True)
class ValidationTask:
    """One video, and all records that speak of it, each with its name in the report."""

    video: str
    video_root: str
    records: tuple[tuple[str, dict[str, Any]], ...]
    decode: str

    @property
    def path(self) -> Path:
        return Path(self.video_root, self.video)


@dataclass(frozen=True)
class Validation:
    """
    problems: a line each, starting with the record it is about; none if the dataset can be trained on.
    manifest: for each video `video`, `seconds`, `num_frames`, `sha256` (all None where it cannot be read).
    """

    num_records: int
    problems: list[str]
    manifest: list[dict[str, Any]]


def validate_dataset(
    dataset: Path,
    video_root: Path | None = None,
    *,
    decode: str = "boundaries",
    num_workers: int = 1,
    ray_address: str | None = None,
) -> Validation:
    """Check every record and every video.

    Args:
        dataset: a folder made by `join`, or a .json or .jsonl file in LLaVA's format.
        video_root: where the videos are; by default the folder of the annotations.
        decode: "boundaries" decodes the first frame of every scene (or of the video), "all" every frame.
        num_workers, ray_address: see `run_tasks`.

    Raises:
        ValueError: a file that is not JSON, or an unknown `decode`.
        FileNotFoundError: no annotations there.
    """
    if decode not in DECODE:
        raise ValueError(f"decode={decode!r} is unknown; choose one of {DECODE}.")
    path = annotation_file(dataset)
    problems, records = [], []
    for number, record in read_records(path):
        name = str(record.get("id", f"record {number}"))
        faults = list(_faults_of_form(record))
        problems += [f"{name}: {fault}" for fault in faults]
        records += [] if faults else [(name, record)]
    problems += _duplicates(records)
    tasks = _tasks(records, str(video_root or path.parent), decode)
    run = run_tasks(
        validate_video, tasks, num_workers=num_workers, ray_address=ray_address, title="checking", unit="video"
    )
    results = sorted(run, key=lambda result: result["manifest"]["video"])
    problems += [problem for result in results for problem in result["problems"]]
    manifest = [result["manifest"] for result in results]
    problems += _same_bytes(manifest)
    return Validation(number if records or problems else 0, problems, manifest)


def validate_video(task: ValidationTask) -> dict[str, Any]:
    """`problems` of a video and the records about it, and its `manifest`."""
    manifest = {"video": task.video, "seconds": None, "num_frames": None, "sha256": None}
    problems = []
    try:
        with VideoReader(task.path, num_decoders=1) as reader:
            manifest |= {"seconds": reader.duration_seconds, "num_frames": reader.num_frames}
            manifest["sha256"] = sha256_of_file(task.path)
            if task.decode == "all":
                problems += _faults_of_pictures(task.video, reader)
            for name, record in task.records:
                problems += [f"{name}: {fault}" for fault in _faults_of_times(record, reader)]
    except VideoReadError as error:
        problems += [f"{name}: {error}" for name, _ in task.records]
    return {"problems": problems, "manifest": manifest}


def _faults_of_form(record: dict[str, Any]) -> Iterator[str]:
    """What can be seen without the video."""
    if not isinstance(record.get("video"), str):
        yield "names no video"
    turns = record.get("conversations")
    if not isinstance(turns, list) or not all(_is_turn(turn) for turn in turns):
        yield "conversations is no list of {from, value}"
        return
    if [turn["from"] for turn in turns] != ["human", "gpt"] * (len(turns) // 2) or not turns:
        yield "the turns do not alternate between human and gpt"
    found = [turn["value"].count(VIDEO_TOKEN) for turn in turns]
    if sum(found) != 1 or found[0] != 1:
        yield f"{VIDEO_TOKEN} stands {sum(found)} times in the text, not once, in the first turn"
    if any(not turn["value"].strip() for turn in turns):
        yield "a turn is empty"
    clips = Counter(scene.get("video") for scene in record.get("scenes") or ())
    yield from (f"clip {clip} is in it {count} times" for clip, count in clips.items() if count > 1)


def _is_turn(turn: Any) -> bool:
    return isinstance(turn, dict) and isinstance(turn.get("from"), str) and isinstance(turn.get("value"), str)


def _faults_of_times(record: dict[str, Any], reader: VideoReader) -> Iterator[str]:
    """What the record says of its video, against the video."""
    scenes = record.get("scenes") or []
    told = read_answer(record["conversations"][1]["value"])
    try:
        if record.get("duration") is not None:
            check_length(reader, record["duration"])
        starts = [scene["start"] for scene in scenes] or [start for start, *_ in told] or [0.0]
        # Times of other makers are taken to be right within a frame.
        tolerance = frame_length(reader)
        check_decodable(reader, np.unique(check_boundaries(reader, starts, tolerance)))
    except (ScenePlaceError, VideoReadError) as error:
        yield str(error)
    yield from _faults_of_order([(scene["start"], scene["end"]) for scene in scenes], reader, 1e-3)
    yield from _faults_of_order([(start, end) for start, end, _ in told], reader, TEXT_TOLERANCE_SECONDS)
    if scenes and [(round(scene["start"], 2), round(scene["end"], 2)) for scene in scenes] != [
        (start, end) for start, end, _ in told
    ]:
        yield "the times in the text are not those of the scenes"


def _faults_of_order(spans: list[tuple[float, float]], reader: VideoReader, tolerance: float) -> Iterator[str]:
    last = 0.0
    for place, (start, end) in enumerate(spans):
        if end <= start:
            yield f"scene {place} ends at {end} s, not after its start at {start} s"
        if start < last - tolerance:
            yield f"scene {place} starts at {start} s, before the end of the one before it at {last} s"
        if end > reader.duration_seconds + frame_length(reader) + tolerance:
            yield f"scene {place} ends at {end} s, after the end of the video at {reader.duration_seconds:.3f} s"
        last = end


def _faults_of_pictures(video: str, reader: VideoReader) -> list[str]:
    num_read = count_readable(reader)
    lost = reader.num_frames - num_read
    return [f"{video}: {lost} of {reader.num_frames} frames cannot be decoded"] if lost else []


def _duplicates(records: Iterable[tuple[str, dict[str, Any]]]) -> list[str]:
    """The same id twice, or the same conversation about the same video."""
    records = list(records)
    names = Counter(name for name, _ in records)
    said = Counter(_said(record) for _, record in records)
    problems = [f"{name}: {count} records have this id" for name, count in names.items() if count > 1]
    return problems + [
        f"{said_of[0]}: {count} records say the same of it" for said_of, count in said.items() if count > 1
    ]


def _said(record: dict[str, Any]) -> tuple[str, ...]:
    return (record["video"], *(turn["value"] for turn in record["conversations"]))


def _same_bytes(manifest: list[dict[str, Any]]) -> list[str]:
    by_hash = defaultdict(list)
    for entry in manifest:
        by_hash[entry["sha256"]].append(entry["video"])
    return [
        f"{videos[0]}: {', '.join(videos[1:])} has the same bytes"
        for digest, videos in by_hash.items()
        if digest and len(videos) > 1
    ]


def _tasks(records: list[tuple[str, dict[str, Any]]], video_root: str, decode: str) -> list[ValidationTask]:
    by_video = defaultdict(list)
    for name, record in records:
        by_video[record["video"]].append((name, record))
    return [ValidationTask(video, video_root, tuple(about), decode) for video, about in by_video.items()]
