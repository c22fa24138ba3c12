"""Many tasks side by side on a Ray cluster, with Ray Data (pip install fila-video[cluster])."""

import pickle
from collections.abc import Callable, Iterator, Sequence
from typing import Any


def run_on_ray(
    function: Callable[[Any], Any], tasks: Sequence[Any], *, num_workers: int, address: str
) -> Iterator[Any]:
    """`function` of each task, in the order in which they are done. See `run_tasks` for the arguments.

    All nodes need this package and the same folders (video root and output) under the same paths.

    Raises:
        ImportError: Ray is not installed.
    """
    try:
        import ray
        import ray.data
    except ImportError as error:
        raise ImportError(
            "A Ray cluster needs Ray Data, which is not installed: pip install fila-video[cluster]"
        ) from error
    ray.init(address=None if address == "local" else address, ignore_reinit_error=True, log_to_driver=False)
    ray.data.DataContext.get_current().enable_progress_bars = False
    # Tasks differ in length: blocks of one, so that no worker waits behind another's long one.
    dataset = ray.data.from_items([{"task": pickle.dumps(task)} for task in tasks], override_num_blocks=len(tasks))
    strategy = ray.data.TaskPoolStrategy(size=num_workers or None)
    done = dataset.map(Remote(function), compute=strategy, num_cpus=1)
    for row in done.iter_rows():
        outcome = pickle.loads(row["result"])
        if isinstance(outcome, BaseException):
            raise outcome
        yield outcome


class Remote:
    """`function` for rows of bytes, which Ray Data passes on as they are."""

    def __init__(self, function: Callable[[Any], Any]):
        self._function = function

    def __call__(self, row: dict[str, bytes]) -> dict[str, bytes]:
        try:
            outcome = self._function(pickle.loads(row["task"]))
        except Exception as error:  # carried over, so that the driver raises the error itself and not Ray's wrapping
            outcome = error
        return {"result": pickle.dumps(outcome)}
