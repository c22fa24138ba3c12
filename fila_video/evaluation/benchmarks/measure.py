"""Measures rows with benchmarks: one folder for each row, with its answers, samples and counts."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from fila_video.common.files import write_jsonl

from .answers_file import Given, read_answers
from .judgments import Judged, judge
from .paper_tasks import Benchmark
from .run_tasks import Results, load_tasks, run_tasks
from .variants_of_model import Row


@dataclass(frozen=True)
class Measured:
    """
    What was measured of a row.

    Attributes:
        row: The row.
        judged: For each benchmark's task its samples.
        of_lmms_eval: For each task in lmms-eval its own scores.
        num_frames: Number of frames that the model takes from a video.
        video_tokens: Mean number of placeholders of a video in a prompt; None if no video could be read.
        seconds: Time that the answers took, of all processes together.
        prompts: For each task in lmms-eval a digest of the texts of all its prompts.
        unreadable: Why each unreadable video could not be read, by its path, or by task and document.
    """

    row: Row
    judged: dict[str, list[Judged]]
    of_lmms_eval: dict[str, dict[str, float]]
    num_frames: int
    video_tokens: float | None
    seconds: float
    prompts: dict[str, str]
    unreadable: dict[str, str]


def measure(
    row: Row, benchmarks: Sequence[Benchmark], folder: Path, *, limit: int | None, loading: dict[str, Any]
) -> Measured | None:
    """
    Measures a row. Answers that are in the folder are not asked for again.

    Args:
        row: The row.
        benchmarks: What to measure.
        folder: Folder of the row.
        limit: Number of documents of each task; None for all.
        loading: Further options of `lmms_eval_model.FilaVideo`.

    Returns:
        None in all processes of accelerate but the first.
    """
    from .lmms_eval_model import FilaVideo

    model = FilaVideo(row.model, revision=row.revision, answers=str(folder), **row.options, **loading)
    num_frames = row.options.get("num_frames") or model.pipe.processor.video_processor.num_frames
    results = run_tasks(model, load_tasks(benchmarks), limit, folder=folder)
    if results is None:
        return None
    return _measured(row, benchmarks, folder, results, num_frames, _latest(folder, results))


def _measured(
    row: Row, benchmarks: Sequence[Benchmark], folder: Path, results: Results, num_frames: int, given: list[Given]
) -> Measured:
    failed = [each for each in given if each.failure is not None]
    unreadable = [(each.task, each.document) for each in failed]
    judged = {each.task: judge(each, results[each.task], unreadable) for each in benchmarks}
    for benchmark in benchmarks:
        for task, result in results[benchmark.task].items():
            _write_samples(folder / "samples" / f"{task}.jsonl", result.samples, judged[benchmark.task])
    counts = [each.video_tokens for each in given if each.video_tokens]
    return Measured(
        row=row,
        judged=judged,
        of_lmms_eval={task: _numbers(result.metrics) for group in results.values() for task, result in group.items()},
        num_frames=num_frames,
        video_tokens=sum(counts) / len(counts) if counts else None,
        seconds=sum(each.seconds or 0 for each in given),
        prompts=_digests_of_prompts(given),
        unreadable={each.video or f"{each.task} {each.document}": str(each.failure) for each in failed},
    )


def _latest(folder: Path, results: Results) -> list[Given]:
    """What was given to each question of the results, in the order of tasks and documents."""
    asked = {
        (task, sample["doc_id"])
        for group in results.values()
        for task, result in group.items()
        for sample in result.samples
    }
    latest: dict[tuple[str, Any], Given] = {}
    for each in read_answers(folder):
        place = each.task, each.document
        # A failure may be of an earlier run: an answer counts more.
        if place in asked and (each.failure is None or place not in latest):
            latest[place] = each
    return [latest[place] for place in sorted(latest)]


def _digests_of_prompts(given: Sequence[Given]) -> dict[str, str]:
    digests: dict[str, Any] = {}
    for each in given:  # sorted by task and document
        digests.setdefault(each.task, sha256()).update(each.prompt.encode())
    return {task: digest.hexdigest() for task, digest in digests.items()}


def _numbers(metrics: dict[str, Any]) -> dict[str, float]:
    return {
        name.removesuffix(",none"): float(value)
        for name, value in metrics.items()
        if isinstance(value, int | float) and "_stderr" not in name
    }


def _write_samples(path: Path, samples: list[dict[str, Any]], judged: list[Judged]) -> None:
    of_document = {each.document: each for each in judged if each.task == path.stem}
    lines = [
        {
            "document": sample["doc_id"],
            "doc": sample["doc"],
            "prompt": sample["arguments"][0] if sample["arguments"] else None,
            "answer": sample["filtered_resps"],
            "target": sample["target"],
            **asdict(of_document[sample["doc_id"]]),
        }
        for sample in sorted(samples, key=lambda sample: sample["doc_id"])  # processes share them out
    ]
    write_jsonl(path, [json.loads(json.dumps(line, default=str)) for line in lines])
