"""Runs tasks of lmms-eval, unmodified, with a model."""

import importlib.util
import os
import random
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from importlib.machinery import ModuleSpec
from json import dumps
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

from huggingface_hub import constants

from .lmms_eval_plugin import MODEL
from .paper_tasks import Benchmark


SEED = 0


@dataclass(frozen=True)
class TaskResult:
    """
    What lmms-eval found for a task.

    Attributes:
        task: The object of the task.
        metrics: Its scores by name.
        samples: The documents, the answers to them, and the task's judgments.
    """

    task: Any
    metrics: dict[str, Any]
    samples: list[dict[str, Any]]


Results = dict[str, dict[str, TaskResult]]


def load_tasks(benchmarks: Sequence[Benchmark]) -> dict[str, dict[str, Any]]:
    """
    Loads the tasks of benchmarks, for which lmms-eval downloads and unpacks their data.

    With several processes of accelerate, these have to know each other before: `Accelerator()`.

    Returns:
        For each benchmark's task or group its tasks by their names.
    """
    prepare_environment()
    import lmms_eval.evaluator  # noqa: F401 (sends messages to standard output when it is imported)
    from lmms_eval.tasks import TaskManager, get_task_dict

    _show_warnings_only()
    stand_in_for_decord()
    manager = TaskManager(model_name=MODEL)
    return {
        each.task: each.make(MODEL) if each.make else dict(_leaves(get_task_dict([each.task], manager, "chat")))
        for each in benchmarks
    }


def run_tasks(
    model: Any, tasks: dict[str, dict[str, Any]], limit: int | None = None, *, folder: Path | None = None
) -> Results | None:
    """
    Asks a model the questions of tasks, and has the tasks judge its answers.

    Args:
        model: A model of lmms-eval, which is emptied at the end.
        tasks: What `load_tasks` returned.
        limit: Number of documents of each task, the first ones; None for all.
        folder: Where tasks that send answers to a server keep these; None for the current folder.

    Returns:
        The results of each task of each benchmark; None in all processes of accelerate but the first.
    """
    from lmms_eval.evaluator import simple_evaluate

    leaves = [task for group in tasks.values() for task in group.values()]
    for task in leaves:
        judge_alike(task)
    found = simple_evaluate(
        model=model,
        tasks=leaves,
        limit=limit,
        bootstrap_iters=0,  # standard errors come from the samples
        process_docs_parallel=1,  # `judge_alike` needs the generator for itself
        random_seed=SEED,
        cli_args=SimpleNamespace(output_path=None if folder is None else str(folder), process_with_media=True),
    )
    if found is None:
        return None
    return {
        name: {leaf: TaskResult(task, found["results"][leaf], found["samples"][leaf]) for leaf, task in group.items()}
        for name, group in tasks.items()
    }


def prepare_environment() -> None:
    """Tells the tasks where the Hub's cache is. Some know only `HF_HOME`, and read it when they are imported."""
    os.environ.setdefault("HF_HOME", constants.HF_HOME)
    Path(os.environ["HF_HOME"]).mkdir(parents=True, exist_ok=True)


def stand_in_for_decord() -> None:
    """
    Lets the task LongVideoBench be imported where decord is not installed, which many systems have no build of.

    The task with whole videos imports two names of it and uses neither.
    """
    if "decord" in sys.modules or importlib.util.find_spec("decord") is not None:
        return
    module = ModuleType("decord")
    module.__spec__ = ModuleSpec("decord", loader=None)

    def refuse(*arguments: object, **options: object) -> None:
        raise ImportError("decord is not installed, and this task reads videos with it.")

    module.VideoReader = module.cpu = refuse  # type: ignore[attr-defined]
    sys.modules["decord"] = module


def _show_warnings_only() -> None:
    """Shows warnings of lmms-eval on standard error, and not what it tells developers."""
    from loguru import logger

    logger.remove()
    logger.add(sys.stderr, level="WARNING", format="{level}: {message}")


def judge_alike(task: Any) -> None:
    """
    Makes a task judge a sample alike in every run, however many processes share the work.

    Some tasks guess at random if they find no choice in an answer. The generator is seeded with the document then.
    """
    if not isinstance(task.process_results, _Seeded):
        task.process_results = _Seeded(task.process_results)


class _Seeded:
    """Seeds the generator with the document before each call of a `process_results`."""

    def __init__(self, process: Callable):
        self._process = process

    def __call__(self, doc: Any, results: Any, *arguments: Any, **options: Any) -> Any:
        random.seed(_seed_of(doc))
        return self._process(doc, results, *arguments, **options)


def guesses(task: Any, doc: Any, answers: list[Any]) -> bool:
    """Whether a task that judges alike draws a random number to judge these answers."""
    random.seed(_seed_of(doc))
    before = random.getstate()
    task.process_results(doc, answers)
    return random.getstate() != before


def _seed_of(doc: Any) -> int:
    digest = blake2b(dumps(doc, sort_keys=True, default=repr).encode(), digest_size=8)
    return int.from_bytes(digest.digest(), "big")


def _leaves(tasks: dict[Any, Any]) -> Iterator[tuple[str, Any]]:
    """The tasks of a nested dict of groups."""
    for name, value in tasks.items():
        if isinstance(value, dict):
            yield from _leaves(value)
        else:
            yield str(name), value
