"""Runs many tasks in this process, in several processes, or on a Ray cluster, with a progress bar."""

import functools
import multiprocessing
import multiprocessing.connection
import os
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.context import BaseContext
from typing import Any, TypeVar

from tqdm import tqdm

from .ray_workers import run_on_ray


Task = TypeVar("Task")
Result = TypeVar("Result")
# Tasks handed out ahead of time to each worker: enough to keep it busy, without submitting all tasks at once.
TASKS_AHEAD = 4
SECONDS_BETWEEN_LINES = 10


class WorkerDiedError(ChildProcessError):
    """A worker process died: it was killed, or it ran out of memory."""


def run_tasks(
    function: Callable[[Task], Result],
    tasks: Sequence[Task],
    *,
    num_workers: int = 1,
    ray_address: str | None = None,
    title: str,
    unit: str,
) -> Iterator[Result]:
    """Yields the result of `function` for each task, in the order in which the tasks finish.

    The first exception of a task ends the run and is raised here. Progress is shown on standard error: a bar on a
    terminal, a line every ten seconds elsewhere.

    Args:
        function: Function at the top level of a module (or a `functools.partial` of one), so that other processes can
            import it.
        tasks: The tasks. With several processes or with Ray, they are pickled.
        num_workers: Number of processes; 1 runs the tasks in this process. With Ray: number of tasks that run at the
            same time; 0 means one task for each CPU of the cluster.
        ray_address: Address of a Ray cluster ("auto", "ray://host:10001"), or "local" to start Ray on this machine.
        title: What the tasks do, for the progress bar.
        unit: What one task is, for the progress bar.

    Raises:
        ValueError: If `num_workers` is negative, or 0 without Ray.
        WorkerDiedError: If a worker process died.
    """
    if num_workers < 0 or (num_workers == 0 and ray_address is None):
        raise ValueError(f"num_workers must be positive, got {num_workers}.")
    if not tasks:
        return
    results: Iterable[Result]
    if ray_address is not None:
        results = run_on_ray(function, tasks, num_workers=num_workers, address=ray_address)
    elif num_workers == 1 or len(tasks) == 1:
        results = map(function, tasks)
    else:
        results = _run_in_processes(function, tasks, num_workers)
    if sys.stderr.isatty():
        yield from tqdm(results, total=len(tasks), desc=title, unit=unit, dynamic_ncols=True)
    else:
        yield from _with_lines(results, num_tasks=len(tasks), title=title, unit=unit)


def _with_lines(results: Iterable[Result], *, num_tasks: int, title: str, unit: str) -> Iterator[Result]:
    """Prints a line on standard error after every ten seconds in which results came."""
    last = time.monotonic()
    for number, result in enumerate(results, start=1):
        if time.monotonic() - last >= SECONDS_BETWEEN_LINES:
            last = time.monotonic()
            print(
                f"{title}: {number} of {num_tasks} {unit}{'' if num_tasks == 1 else 's'}", file=sys.stderr, flush=True
            )
        yield result


def _run_in_processes(function: Callable[[Task], Result], tasks: Sequence[Task], num_workers: int) -> Iterator[Result]:
    context = _process_context(function)
    with ProcessPoolExecutor(num_workers, mp_context=context, initializer=_exit_with_parent) as pool:
        try:
            waiting = iter(tasks)
            running: set[Future[Result]] = set()
            while True:
                while len(running) < num_workers * TASKS_AHEAD and (task := next(waiting, None)) is not None:
                    running.add(pool.submit(function, task))
                if not running:
                    return
                done, running = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    yield future.result()
        except BrokenProcessPool as error:
            raise WorkerDiedError(
                "A worker process died: it was killed, or it ran out of memory. Run the same command again, with fewer "
                "workers if memory was short."
            ) from error
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _exit_with_parent() -> None:
    """Makes a worker exit when its parent dies. It would otherwise wait for tasks forever."""
    parent = multiprocessing.parent_process()
    assert parent is not None, "runs in worker processes only"
    sentinel = parent.sentinel

    def watch() -> None:
        multiprocessing.connection.wait([sentinel])
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _process_context(function: Callable[[Any], Any]) -> BaseContext:
    """Returns the way to start workers: forked from a clean server that has imported the module of `function` once.

    A plain fork of this process is not safe, because the threads of FFmpeg do not survive it.
    """
    if sys.platform == "win32":
        return multiprocessing.get_context("spawn")
    while isinstance(function, functools.partial):
        function = function.func
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([function.__module__])
    return context
