"""What `python -m fila_video.evaluation benchmarks` does with its options."""

import argparse
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

from fila_video.common.loading import check_model
from fila_video.common.resumable_folder import begin

from .check_before_start import DataSet, check_data, check_packages
from .paper_tasks import Benchmark, find_benchmarks
from .run_tasks import prepare_environment
from .variants_of_model import AS_IT_IS, Row, ablation_rows


PACKAGES = ("lmms-eval", "transformers", "torch", "datasets", "av", "fila-video")
# Options of the model that hold for all rows.
MODEL_OPTIONS = (
    "num_frames",
    "num_scenes",
    "scene_selection",
    "scene_supplement",
    "scene_merging",
    "timestamps",
)
LOADING_OPTIONS = ("dtype", "device", "attn_implementation", "batch_size")


def run(options: argparse.Namespace) -> None:
    """Measures a model with the paper's benchmarks."""
    benchmarks = find_benchmarks(options.tasks, may_submit=options.submit)
    for model in filter(None, (options.model, options.base)):
        check_model(model)
    check_packages(benchmarks)
    prepare_environment()
    from .report import read_published

    published = read_published(options.published) if options.published else {}
    with _one_process_at_a_time() as is_first:
        data = check_data(benchmarks, Path(os.environ["HF_HOME"]))
        rows = _rows(options)
        if is_first:
            print(_plan(benchmarks, data, rows), flush=True)
            if not options.check:
                begin(options.output, "run.json", _identity(rows, options))
    if not options.check:
        _measure_all(options, benchmarks, data, rows, published)


def _measure_all(
    options: argparse.Namespace,
    benchmarks: Sequence[Benchmark],
    data: Sequence[DataSet],
    rows: Sequence[Row],
    published: Mapping[str, Mapping[str, float]],
) -> None:
    from .measure import measure
    from .report import write_hub_results, write_report

    loading = {name: getattr(options, name) for name in LOADING_OPTIONS if getattr(options, name) is not None}
    measured = []
    for row in rows:
        folder = options.output / row.name.replace(" ", "_")
        found = measure(row, benchmarks, folder, limit=options.limit, loading=loading)
        if found is None:  # another process has the results
            continue
        measured.append(found)
        about = {
            "versions": {name: version(name) for name in PACKAGES},
            "data": {each.name: each.commit for each in data},
            "limit": options.limit,
            "loading": loading,
        }
        text = write_report(options.output, benchmarks, measured, published, about)
    if not measured:
        return
    if options.limit is None:
        commits = {each.name: each.commit for each in data if each.commit is not None}
        write_hub_results(options.output, benchmarks, measured[0], lmms_eval=version("lmms-eval"), commits=commits)
    print(f"\n{text}")


def _rows(options: argparse.Namespace) -> list[Row]:
    given = {name: getattr(options, name) for name in MODEL_OPTIONS if getattr(options, name) is not None}
    if options.ablation:
        from transformers import AutoConfig

        import fila_video  # noqa: F401 (makes the configuration known to transformers)

        config = AutoConfig.from_pretrained(options.model, revision=options.revision)
        for name, value in given.items():
            if hasattr(config, name):
                setattr(config, name, value)
        return ablation_rows(options.ablation, Row(AS_IT_IS, options.model, options.revision, given), config)
    row = Row("model", options.model, options.revision, given)
    return [row, Row("base", options.base)] if options.base else [row]


def _identity(rows: Sequence[Row], options: argparse.Namespace) -> dict[str, Any]:
    """What the results of a folder belong to; other tasks and more questions may be added."""
    return {
        "rows": [[row.name, row.model, row.revision, row.options] for row in rows],
        "dtype": options.dtype,
        "attn_implementation": options.attn_implementation,
    }


def _plan(benchmarks: Sequence[Benchmark], data: Sequence[DataSet], rows: Sequence[Row]) -> str:
    lines = [f"Tasks: {', '.join(benchmark.task for benchmark in benchmarks)}"]
    for each in data:
        lines.append(f"{each.name}: " + ("here" if each.is_here else f"{each.missing_bytes / 1e9:.1f} GB to get"))
    lines.append(f"Rows: {', '.join(row.name for row in rows)}")
    return "\n".join(lines)


@contextmanager
def _one_process_at_a_time() -> Iterator[bool]:
    """Whether this is the first process of accelerate, which the others wait for."""
    from .processes import processes

    state = processes()
    with state.main_process_first():
        yield state.is_main_process
