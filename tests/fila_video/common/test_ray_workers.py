"""Ray gives the results of the function, and its errors."""

import pickle
import sys
from functools import partial

import pytest

from fila_video.common.files import DiskFullError
from fila_video.common.ray_workers import RowFunction
from fila_video.common.workers import run_tasks
from tests.fila_video.common.test_workers import fail_at, square


def test_without_ray_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(ImportError, match=r"pip install fila-video\[cluster\]"):
        list(run_tasks(square, [1, 2], ray_address="local", title="testing", unit="task"))


def test_rows_of_bytes_carry_tasks_results_and_errors():
    def outcome(function, task):
        return pickle.loads(RowFunction(function)({"task": pickle.dumps(task)})["result"])

    assert outcome(square, 7) == 49
    error = outcome(partial(fail_at, where=7), 7)
    assert isinstance(error, DiskFullError) and error.errno == 28
