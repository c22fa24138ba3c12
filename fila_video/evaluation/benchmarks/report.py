"""The tables and files of a measurement: the paper's Table 1 with further rows, and what the Hub shows of it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import yaml
from huggingface_hub import EvalResultEntry, eval_result_entries_to_yaml

from fila_video.common.counted import counted
from fila_video.common.files import write_json, write_text
from fila_video.common.tables import markdown_table

from .judgments import Estimate, difference_of, score_of
from .measure import Measured
from .paper_tasks import ALL, Benchmark


NOTHING = "–"
Published = Mapping[str, Mapping[str, float]]


def read_published(path: Path) -> Published:
    """
    Reads rows of a paper: a JSON object of rows, each an object with a score for some titles of benchmarks.

    Raises:
        ValueError: If the file has another form, or an unknown title.
        OSError: If it cannot be read.
    """
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))
        numbers = {row: {title: float(value) for title, value in of.items()} for row, of in rows.items()}
    except (ValueError, AttributeError, TypeError) as error:
        raise ValueError(f'{path} must have the form {{"row": {{"VideoMME": 12.3}}}}: {error}') from error
    titles = [benchmark.title for benchmark in ALL]
    if unknown := {title for of in numbers.values() for title in of} - set(titles):
        raise ValueError(f"{path} has scores for {', '.join(sorted(unknown))}; known are {', '.join(titles)}.")
    return numbers


def score_table(benchmarks: Sequence[Benchmark], rows: Sequence[Measured], published: Published) -> str:
    """
    A table like the paper's Table 1, in percent: published rows, measured ones with their standard errors, and the
    differences of the first measured one from the others, with 95 % intervals.
    """
    headers = ("model", "frames", "tokens per video", *(benchmark.title for benchmark in benchmarks))
    lines: list[tuple[str, ...]] = []
    for name, scores in published.items():
        cells = (f"{scores[each.title]:.1f}" if each.title in scores else NOTHING for each in benchmarks)
        lines.append((f"{name} (published)", NOTHING, NOTHING, *cells))
    for measured in rows:
        tokens = NOTHING if measured.video_tokens is None else f"{measured.video_tokens:.0f}"
        scores_of_row = (_with_error(_score(measured, each)) for each in benchmarks)
        lines.append((measured.row.name, str(measured.num_frames), tokens, *scores_of_row))
    for other in rows[1:]:
        cells = (_with_interval(_difference(rows[0], other, each)) for each in benchmarks)
        lines.append((f"{rows[0].row.name} - {other.row.name}", "", "", *cells))
    return markdown_table(headers, lines, align="lrr" + "r" * len(benchmarks))


def count_table(benchmarks: Sequence[Benchmark], rows: Sequence[Measured]) -> str:
    """How many questions were asked, and how many of them have no proper answer."""
    headers = ("model", "benchmark", "questions", "videos", "no choice found", "guessed at random", "unreadable video")
    lines = [
        (
            *(measured.row.name, benchmark.title, str(len(judged)), str(len({each.video for each in judged}))),
            str(sum(each.is_unparsed for each in judged)),
            str(sum(each.is_guessed for each in judged)),
            str(sum(each.is_unreadable for each in judged)),
        )
        for measured in rows
        for benchmark in benchmarks
        for judged in [measured.judged[benchmark.task]]
    ]
    return markdown_table(headers, lines, align="llrrrrr")


def failures_of(rows: Sequence[Measured]) -> list[str]:
    """One line for each unreadable video of each row."""
    return [f"{row.row.name}: {video}: {reason}" for row in rows for video, reason in sorted(row.unreadable.items())]


def write_report(
    folder: Path,
    benchmarks: Sequence[Benchmark],
    rows: Sequence[Measured],
    published: Published,
    about: Mapping[str, Any],
) -> str:
    """
    Writes `table.md` and `results.json`, and returns the text of the table.

    Args:
        folder: Folder of the results.
        benchmarks: What was measured.
        rows: At least one.
        published: See `read_published`.
        about: Further fields of `results.json`.
    """
    text = f"{score_table(benchmarks, rows, published)}\n\n{count_table(benchmarks, rows)}\n"
    if failures := failures_of(rows):
        text += f"\n{counted(len(failures), 'video')} could not be read:\n\n" + "".join(
            f"- {line}\n" for line in failures
        )
    write_text(folder / "table.md", text)
    write_json(folder / "results.json", {**about, "rows": [_as_json(benchmarks, rows[0], row) for row in rows]})
    return text


def write_hub_results(
    folder: Path, benchmarks: Sequence[Benchmark], measured: Measured, *, lmms_eval: str, commits: Mapping[str, str]
) -> None:
    """
    Writes the results of a row in the form that the Hub shows: `.eval_results/*.yaml` in the folder of a model.

    Args:
        folder: Folder that gets `.eval_results`.
        benchmarks: What was measured, with all of its questions.
        measured: The row.
        lmms_eval: Version of lmms-eval.
        commits: The commit of each data set that is known.
    """
    for benchmark in benchmarks:
        if benchmark.sends_answers:
            continue  # EgoSchema's labels are not public, so nobody could check this
        score, number = _score(measured, benchmark), len(measured.judged[benchmark.task])
        error = "" if score.error is None else f", standard error {score.error:.2f}"
        entry = EvalResultEntry(
            dataset_id=benchmark.data,
            task_id=benchmark.task,
            value=round(score.value, 2),
            dataset_revision=commits.get(benchmark.data),
            date=datetime.now(timezone.utc).date().isoformat(),
            notes=f"lmms-eval {lmms_eval}, {measured.num_frames} frames, {number} questions{error}",
        )
        text = yaml.safe_dump(eval_result_entries_to_yaml([entry]), sort_keys=False)
        write_text(folder / ".eval_results" / f"{benchmark.task}.yaml", text)


def _score(measured: Measured, benchmark: Benchmark) -> Estimate:
    if benchmark.sends_answers:  # only the server knows which answers are right
        return Estimate(measured.of_lmms_eval[benchmark.task][benchmark.result], None, 0)
    return score_of(measured.judged[benchmark.task], benchmark.num_groups)


def _difference(one: Measured, other: Measured, benchmark: Benchmark) -> Estimate:
    task = benchmark.task
    if benchmark.sends_answers:
        return Estimate(_score(one, benchmark).value - _score(other, benchmark).value, None, 0)
    return difference_of(one.judged[task], other.judged[task], benchmark.num_groups)


def _with_error(score: Estimate) -> str:
    return f"{score.value:.1f}" + ("" if score.error is None else f" ± {score.error:.1f}")


def _with_interval(difference: Estimate) -> str:
    interval = difference.interval
    return f"{difference.value:+.1f}" + ("" if interval is None else f" ({interval[0]:.1f} to {interval[1]:.1f})")


def _as_json(benchmarks: Sequence[Benchmark], first: Measured, measured: Measured) -> dict[str, Any]:
    found = {}
    for benchmark in benchmarks:
        judged = measured.judged[benchmark.task]
        found[benchmark.task] = {
            "title": benchmark.title,
            "questions": len(judged),
            "score": asdict(_score(measured, benchmark)),
            "no_choice_found": sum(each.is_unparsed for each in judged),
            "guessed_at_random": sum(each.is_guessed for each in judged),
            "unreadable": sum(each.is_unreadable for each in judged),
        }
        if measured is not first:
            found[benchmark.task]["first_row_minus_this"] = asdict(_difference(first, measured, benchmark))
    return {
        "name": measured.row.name,
        "model": measured.row.model,
        "revision": measured.row.revision,
        "options": measured.row.options,
        "num_frames": measured.num_frames,
        "tokens_per_video": measured.video_tokens,
        "seconds": round(measured.seconds, 1),
        "benchmarks": found,
        "scores_of_lmms_eval": measured.of_lmms_eval,
        "prompts": measured.prompts,
        "unreadable_videos": measured.unreadable,
    }
