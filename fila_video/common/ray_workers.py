"""Runs tasks on a Ray cluster, with Ray Data (`pip install fila-video[cluster]`)."""

import pickle
from collections.abc import Callable, Iterator, Sequence
from typing import Any


def run_on_ray(
    function: Callable[[Any], Any], tasks: Sequence[Any], *, num_workers: int, address: str
) -> Iterator[Any]:
    """Yields the result of `function` for each task, in the order in which the tasks finish.

    Every node needs this package, and the same folders (video root and output) under the same paths.

    Args:
        function: Function at the top level of a module.
        tasks: The tasks. They are pickled.
        num_workers: Number of tasks that run at the same time; 0 means one task for each CPU of the cluster.
        address: Address of the cluster ("auto", "ray://host:10001"), or "local" to start Ray on this machine.

    Raises:
        ImportError: If Ray is not installed.
    """
    try:
        # Imported here because Ray is optional and slow to import.
        import ray
        import ray.data
    except ImportError as error:
        raise ImportError(
            "A Ray cluster needs Ray Data, which is not installed: pip install fila-video[cluster]"
        ) from error
    ray.init(address=None if address == "local" else address, ignore_reinit_error=True, log_to_driver=False)
    ray.data.DataContext.get_current().enable_progress_bars = False
    # Tasks take different times. With one task per block, no task waits behind a long one.
    dataset = ray.data.from_items([{"task": pickle.dumps(task)} for task in tasks], override_num_blocks=len(tasks))
    strategy = ray.data.TaskPoolStrategy(size=num_workers or None)
    done = dataset.map(RowFunction(function), compute=strategy, num_cpus=1)
    for row in done.iter_rows():
        outcome = pickle.loads(row["result"])
        if isinstance(outcome, BaseException):
            raise outcome
        yield outcome


class RowFunction:
    """Wraps a function so that it maps rows of pickled tasks to rows of pickled results.

    Ray Data converts most values of a row to its own types. It passes bytes on unchanged.
    """

    def __init__(self, function: Callable[[Any], Any]):
        self._function = function

    def __call__(self, row: dict[str, bytes]) -> dict[str, bytes]:
        try:
            outcome = self._function(pickle.loads(row["task"]))
        except Exception as error:
            # Returned as a result, so that the driver raises the error itself and not Ray's wrapper around it.
            outcome = error
        return {"result": pickle.dumps(outcome)}
