"""Turns a plan into a dataset: makes all long videos in parallel, and writes the files that describe them.

The folder of a dataset:

- plan.jsonl, clips.jsonl, rejected.jsonl: written by `plan`.
- videos/, records/, cache/: the long videos; what each contains; clips in the common format.
- captions.jsonl, captions.json: the training samples in LLaVA's format, the same in both files.
- questions.jsonl: only on request; not from the paper.
- replaced.jsonl, failed.jsonl: clips that were replaced, and videos that could not be made, with the reasons.
- README.md: the dataset card. `datasets.load_dataset` reads its header.
"""

import json
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from fila_video.common.files import remove_parts, sha256_of_file, write_jsonl, write_text
from fila_video.common.workers import run_tasks

from .annotations.samples import write_samples
from .clips.pool import read_pool
from .joining.join_long_video import JoiningTask, JoinOptions, join_long_video, make_task
from .planning.plan import Plan, read_plan
from .report.dataset_card import dataset_card
from .report.summary import summarize


@dataclass(frozen=True)
class JoinSummary:
    """What a run of `join_dataset` did.

    Args:
        num_videos: Number of long videos in the dataset.
        num_made: Number of long videos that this run made.
        replaced: Clips that were replaced, with the reasons.
        failed: Long videos that could not be made, with the reasons.
    """

    num_videos: int
    num_made: int
    replaced: list[dict[str, Any]]
    failed: list[dict[str, Any]]


def join_dataset(
    options: JoinOptions,
    *,
    num_workers: int = 1,
    ray_address: str | None = None,
    num_questions: int = 0,
    card_license: str = "other",
) -> JoinSummary:
    """Makes the long videos of `options.output`/plan.jsonl that do not exist yet, then writes the annotations.

    Args:
        options: Options that all long videos share.
        num_workers: Number of processes: see `run_tasks`.
        ray_address: Address of a Ray cluster: see `run_tasks`.
        num_questions: Number of questions for each video: see `annotations/questions.py`.
        card_license: License for the header of the dataset card.

    Raises:
        ValueError: If the pool is not the one that the plan was made from, or not one long video could be made.
        DiskFullError: If there is no space left. The same call continues once there is space.
        OSError: If another run is working in this folder.
    """
    output = options.output
    _check_stays_inside(output)
    with _only_run(output):
        plan = read_plan(output / "plan.jsonl")
        tasks = _make_tasks(plan, options)
        for folder in ("videos", "records", "cache"):
            remove_parts(output / folder)
        pending = [task for task in tasks if not _is_done(task)]
        outcomes = run_tasks(
            join_long_video, pending, num_workers=num_workers, ray_address=ray_address, title="joining", unit="video"
        )
        failed = {outcome["id"]: outcome for outcome in outcomes if "failed" in outcome}
        made = [task for task in tasks if task.id not in failed]
        replaced = list(_replaced(tasks, failed))
        write_jsonl(output / "replaced.jsonl", replaced)
        write_jsonl(output / "failed.jsonl", [failed[task.id] for task in tasks if task.id in failed])
        if not made:
            raise ValueError(f"Not one long video could be made: {output / 'failed.jsonl'} has the reasons.")
        write_samples(output, lambda: map(_read_record, made), plan.header["seed"], num_questions)
        _write_card(options, card_license, plan, num_questions)
    return JoinSummary(len(made), len(pending) - len(failed), replaced, list(failed.values()))


def _check_stays_inside(output: Path) -> None:
    """Refuses a dataset in which a symbolic link would make this program write to another place."""
    for name in ("videos", "records", "cache", ".lock"):
        path = output / name
        if path.is_symlink() and not path.resolve().is_relative_to(output.resolve()):
            raise ValueError(f"{path} is a symbolic link that leads out of {output}.")


def _only_run(output: Path) -> AbstractContextManager[Any]:
    """Takes a lock that is held during the run. The operating system releases it if the process dies."""
    try:
        return FileLock(output / ".lock").acquire(timeout=0)
    except Timeout as error:
        raise OSError(f"Another run is working in {output}.") from error


def _make_tasks(plan: Plan, options: JoinOptions) -> list[JoiningTask]:
    pool_path = options.output / "clips.jsonl"
    if sha256_of_file(pool_path) != plan.header["pool_sha256"]:
        plan_path = options.output / "plan.jsonl"
        raise ValueError(f"{pool_path} is not the pool that {plan_path} was made from: run `plan` again.")
    pool = read_pool(pool_path)
    return [make_task(planned, pool, options) for planned in plan.videos]


def _is_done(task: JoiningTask) -> bool:
    """Tells whether an earlier run made exactly this video: its record, which is written last, matches the file."""
    try:
        record = _read_record(task)
        size = (task.options.output / task.video).lstat().st_size
    except (FileNotFoundError, ValueError):
        return False
    return (record.get("fingerprint"), record.get("bytes")) == (task.fingerprint, size)


def _read_record(task: JoiningTask) -> dict[str, Any]:
    record = json.loads(task.record_path.read_text(encoding="utf-8"))
    if not isinstance(record, dict):
        raise ValueError(f"{task.record_path} is not a JSON object.")
    return record


def _replaced(tasks: list[JoiningTask], failed: dict[str, dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for task in tasks:
        outcome = failed[task.id] if task.id in failed else _read_record(task)
        for replacement in outcome["replaced"]:
            yield {"id": task.id, **replacement}


def _write_card(options: JoinOptions, card_license: str, plan: Plan, num_questions: int) -> None:
    text = dataset_card(
        summarize(options.output),
        plan.header,
        card_license=card_license,
        has_sentence=options.prompt_frames is not None,
        has_questions=num_questions > 0,
    )
    write_text(options.output / "README.md", text)
