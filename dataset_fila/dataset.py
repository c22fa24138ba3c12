"""From a plan to a dataset: all long videos, made side by side, and the files that describe them.

OUTPUT/plan.jsonl clips.jsonl rejected.jsonl      what `plan` wrote
OUTPUT/videos/ records/ cache/                    long videos; what is in each; clips in the common format
OUTPUT/captions.jsonl captions.json               training samples in LLaVA's format, the same in both files
OUTPUT/questions.jsonl                            on request; not from the paper
OUTPUT/replaced.jsonl failed.jsonl                replaced clips, and videos that could not be made; why
OUTPUT/README.md                                  dataset card; `datasets.load_dataset(OUTPUT)` reads its header
"""

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from . import card
from .captions import answer, request, user_turn
from .files import remove_parts, sha256_of_file, write_jsonl, write_text, written_whole
from .joining_task import JoiningTask, JoinOptions, join_task, make_task
from .plan import Plan, read_plan
from .pool import read_pool
from .questions import ORIGIN, ask
from .statistics import summarise
from .timeline import Scene
from .workers import run_tasks


CAPTIONS_SOURCE, QUESTIONS_SOURCE = "fila_long_video", "fila_long_video_questions"


@dataclass(frozen=True)
class JoinSummary:
    """`num_videos` in the dataset, of which `num_made` in this run; `replaced` clips; `failed` videos with reasons."""

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
    """Make all long videos of `options.output`/plan.jsonl that are not there yet, then write the annotations.

    Args:
        num_workers, ray_address: see `run_tasks`.
        num_questions: for each video; see `questions.py`.
        card_license: for the header of the dataset card.

    Raises:
        ValueError: plan and pool do not belong together.
        DiskFullError: no room; the same call goes on once there is.
        RuntimeError: another run works in this folder.
    """
    output = options.output
    with _only_run(output):
        plan = read_plan(output / "plan.jsonl")
        tasks = _make_tasks(plan, options)
        for folder in ("videos", "records", "cache"):
            remove_parts(output / folder)
        pending = [task for task in tasks if not _is_done(task)]
        run = run_tasks(
            join_task, pending, num_workers=num_workers, ray_address=ray_address, title="joining", unit="video"
        )
        failed = {outcome["id"]: outcome for outcome in run if "failed" in outcome}
        made = [task for task in tasks if task.id not in failed]
        replaced = list(_replaced(tasks, failed))
        write_jsonl(output / "replaced.jsonl", replaced)
        write_jsonl(output / "failed.jsonl", [failed[task.id] for task in tasks if task.id in failed])
        _write_annotations(made, plan.header["seed"], num_questions)
        _write_card(options, card_license, plan, num_questions)
    return JoinSummary(len(made), len(pending) - len(failed), replaced, list(failed.values()))


def _only_run(output: Path) -> FileLock:
    """Held for the run; the system lets go of it when the process dies, however it dies."""
    lock = FileLock(output / ".lock")
    try:
        return lock.acquire(timeout=0)
    except Timeout as error:
        raise RuntimeError(f"Another run is working in {output}.") from error


def _make_tasks(plan: Plan, options: JoinOptions) -> list[JoiningTask]:
    pool_path = options.output / "clips.jsonl"
    if sha256_of_file(pool_path) != plan.header["pool_sha256"]:
        raise ValueError(f"{pool_path} is not the pool that {options.output / 'plan.jsonl'} was made from: plan again.")
    pool = read_pool(pool_path)
    return [make_task(planned, pool, options) for planned in plan.videos]


def _is_done(task: JoiningTask) -> bool:
    """Whether an earlier run made exactly this video: its record, which is written last, and the file it speaks of."""
    try:
        record = json.loads(task.record_path.read_text(encoding="utf-8"))
        size = (task.options.output / task.video).stat().st_size
    except FileNotFoundError:
        return False
    return record["fingerprint"] == task.fingerprint and record["bytes"] == size


def _records(tasks: list[JoiningTask]) -> Iterator[dict[str, Any]]:
    for task in tasks:
        yield json.loads(task.record_path.read_text(encoding="utf-8"))


def _replaced(tasks: list[JoiningTask], failed: dict[str, dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for task in tasks:
        outcome = failed[task.id] if task.id in failed else next(_records([task]))
        for replacement in outcome["replaced"]:
            yield {"id": task.id, **replacement}


def _write_annotations(tasks: list[JoiningTask], seed: int, num_questions: int) -> None:
    if not tasks:
        raise ValueError("Not one long video could be made; failed.jsonl has the reasons.")
    output = tasks[0].options.output
    write_jsonl(output / "captions.jsonl", (caption_sample(record, seed) for record in _records(tasks)))
    _write_json_list(output / "captions.json", output / "captions.jsonl")
    (output / "questions.jsonl").unlink(missing_ok=True)
    if num_questions:
        samples = (sample for record in _records(tasks) for sample in question_samples(record, seed, num_questions))
        write_jsonl(output / "questions.jsonl", samples)


def _write_json_list(final: Path, lines: Path) -> None:
    """The same records as one JSON list, which is what LLaVA-NeXT reads, one at a time in memory."""
    with (
        written_whole(final) as part,
        part.open("w", encoding="utf-8", newline="\n") as out,
        lines.open(encoding="utf-8") as file,
    ):
        for place, line in enumerate(file):
            out.write(("[\n" if place == 0 else ",\n") + line.rstrip("\n"))
        out.write("\n]\n")


def caption_sample(record: dict[str, Any], seed: int) -> dict[str, Any]:
    """The training sample of a long video, in LLaVA's format, whose readers ignore keys that they do not know."""
    scenes = [Scene(**scene) for scene in record["scenes"]]
    turns = [_user(record, request(record["id"], seed)), {"from": "gpt", "value": answer(scenes)}]
    return _sample(record, record["id"], CAPTIONS_SOURCE, turns) | {"scenes": record["scenes"]}


def question_samples(record: dict[str, Any], seed: int, count: int) -> Iterator[dict[str, Any]]:
    """Questions about a long video, a sample each, marked as not from the paper."""
    generator = random.Random(f"fila-questions {seed} {record['id']}")
    scenes = [Scene(**scene) for scene in record["scenes"]]
    for number, (kind, question, reply) in enumerate(ask(scenes, count, generator)):
        turns = [_user(record, question), {"from": "gpt", "value": reply}]
        sample = _sample(record, f"{record['id']}-q{number:02d}", QUESTIONS_SOURCE, turns)
        yield sample | {"kind": kind, "origin": ORIGIN}


def _user(record: dict[str, Any], question: str) -> dict[str, str]:
    return {"from": "human", "value": user_turn(question, record["sampled_seconds"], record["duration"])}


def _sample(record: dict[str, Any], name: str, source: str, turns: list[dict[str, str]]) -> dict[str, Any]:
    sampled = record["sampled_seconds"]
    return {
        "id": name,
        "data_source": source,
        "video": record["video"],
        "duration": record["duration"],
        "prompt_frames": None if sampled is None else len(sampled),
        "conversations": turns,
    }


def _write_card(options: JoinOptions, card_license: str, plan: Plan, num_questions: int) -> None:
    text = card.dataset_card(
        summarise(options.output),
        plan.header,
        card_license=card_license,
        has_sentence=options.prompt_frames is not None,
        has_questions=num_questions > 0,
    )
    write_text(options.output / "README.md", text)
