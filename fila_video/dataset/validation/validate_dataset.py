"""Checks every record and every video of a dataset, and reports all problems, not only the first one."""

from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fila_video.common.files import read_records
from fila_video.common.workers import run_tasks

from ..annotations.samples import find_annotations
from .record_form import form_problems
from .validate_video import ValidationTask, validate_video


DECODE = ("boundaries", "all")
# A record, and the name that it has in the report.
NamedRecord = tuple[str, dict[str, Any]]


@dataclass(frozen=True)
class Validation:
    """The result of checking a dataset.

    Args:
        num_records: Number of records.
        problems: One line for each problem, which starts with the record or video that it is about. If there are none,
            the dataset can be trained on.
        manifest: For each video `video`, `seconds`, `num_frames` and `sha256`. All except `video` are None if the
            video cannot be read.
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
    """Checks every record and every video.

    Args:
        dataset: Folder that `join` made, or a .json or .jsonl file in LLaVA's format.
        video_root: Folder that the paths of the videos start from; by default the folder of the annotations.
        decode: "boundaries" decodes the first frame of every scene (or of the video); "all" decodes every frame.
        num_workers: Number of processes: see `run_tasks`.
        ray_address: Address of a Ray cluster: see `run_tasks`.

    Raises:
        ValueError: If a file is not JSON, or `decode` is unknown.
        FileNotFoundError: If there are no annotations.
    """
    if decode not in DECODE:
        raise ValueError(f"decode={decode!r} is unknown; choose one of {DECODE}.")
    path = find_annotations(dataset)
    num_records, problems, records = _check_forms(path)
    problems += _repeated_records(records)
    tasks = _tasks(records, str(video_root or path.parent), decode)
    outcomes = run_tasks(
        validate_video, tasks, num_workers=num_workers, ray_address=ray_address, title="checking", unit="video"
    )
    results = sorted(outcomes, key=lambda result: result["manifest"]["video"])
    problems += [problem for result in results for problem in result["problems"]]
    manifest = [result["manifest"] for result in results]
    problems += _repeated_videos(manifest)
    return Validation(num_records, problems, manifest)


def _check_forms(path: Path) -> tuple[int, list[str], list[NamedRecord]]:
    """Returns the number of records, the problems in their form, and the records without such problems."""
    num_records, problems, records = 0, [], []
    for number, record in read_records(path):
        num_records += 1
        name = str(record.get("id", f"record {number}"))
        found = [f"{name}: {problem}" for problem in form_problems(record)]
        problems += found
        records += [] if found else [(name, record)]
    return num_records, problems, records


def _repeated_records(records: list[NamedRecord]) -> list[str]:
    """Finds ids that appear twice, and conversations that appear twice for the same video."""
    names = Counter(name for name, _ in records)
    conversations = Counter(_conversation(record) for _, record in records)
    problems = [f"{name}: {count} records have this id" for name, count in names.items() if count > 1]
    return problems + [
        f"{video}: {count} records about it have the same conversation"
        for (video, *_), count in conversations.items()
        if count > 1
    ]


def _conversation(record: dict[str, Any]) -> tuple[str, ...]:
    return (record["video"], *(turn["value"] for turn in record["conversations"]))


def _repeated_videos(manifest: list[dict[str, Any]]) -> list[str]:
    """Finds files with the same bytes."""
    by_hash = defaultdict(list)
    for entry in manifest:
        by_hash[entry["sha256"]].append(entry["video"])
    return [
        f"{videos[0]}: {', '.join(videos[1:])} has the same bytes"
        for digest, videos in by_hash.items()
        if digest and len(videos) > 1
    ]


def _tasks(records: list[NamedRecord], video_root: str, decode: str) -> list[ValidationTask]:
    by_video: dict[str, list[NamedRecord]] = defaultdict(list)
    for name, record in records:
        by_video[record["video"]].append((name, record))
    return [ValidationTask(video, video_root, tuple(about), decode) for video, about in by_video.items()]
