"""Many tasks side by side: in this process, in several, or on a Ray cluster; with a progress bar."""

import multiprocessing.connection
import os
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from typing import Any, TypeVar

from tqdm import tqdm


Task, Result = TypeVar("Task"), TypeVar("Result")
# Tasks handed out ahead of each worker: enough to keep it busy, few enough that 40,000 tasks are not all in flight.
TASKS_AHEAD = 4
PRELOADED = ["dataset_fila.joining_task", "dataset_fila.validate"]


def num_processors() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def run_tasks(
    function: Callable[[Task], Result],
    tasks: Sequence[Task],
    *,
    num_workers: int = 1,
    ray_address: str | None = None,
    title: str,
    unit: str,
) -> Iterator[Result]:
    """`function` of each task, in the order in which they are done. Any exception ends the run.

    Args:
        function: at the top of a module, so that other processes find it.
        num_workers: processes; 1 works in this one. With Ray: tasks at a time, 0 for as many as the cluster holds.
        ray_address: of a Ray cluster ("auto", "ray://host:10001"), or "local" for one started here.

    Raises:
        RuntimeError: a worker process died (killed, or out of memory).
    """
    if num_workers < 0 or (num_workers == 0 and ray_address is None):
        raise ValueError(f"num_workers must be positive, got {num_workers}.")
    if not tasks:
        return
    if ray_address is not None:
        from .ray_workers import run_on_ray

        results = run_on_ray(function, tasks, num_workers=num_workers, address=ray_address)
    elif num_workers == 1 or len(tasks) == 1:
        results = map(function, tasks)
    else:
        results = _run_in_processes(function, tasks, num_workers)
    yield from tqdm(results, total=len(tasks), desc=title, unit=unit, disable=None, dynamic_ncols=True)


def _run_in_processes(function: Callable[[Task], Result], tasks: Sequence[Task], num_workers: int) -> Iterator[Result]:
    with ProcessPoolExecutor(num_workers, mp_context=_process_context(), initializer=_end_with_parent) as pool:
        try:
            waiting, running = iter(tasks), set()
            while True:
                while len(running) < num_workers * TASKS_AHEAD and (task := next(waiting, None)) is not None:
                    running.add(pool.submit(function, task))
                if not running:
                    return
                done, running = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    yield future.result()
        except BrokenProcessPool as error:
            raise RuntimeError(
                "A worker process died, killed or out of memory. What is done is kept: the same command goes on, with "
                "fewer --workers if memory was short."
            ) from error
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _end_with_parent() -> None:
    """A worker whose parent was killed would wait for tasks for ever: it ends with its parent instead."""

    def watch() -> None:
        multiprocessing.connection.wait([multiprocessing.parent_process().sentinel])
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _process_context() -> Any:
    """Workers forked from a clean server that has loaded the modules once: FFmpeg's threads survive no plain fork."""
    if sys.platform == "win32":
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    return context
