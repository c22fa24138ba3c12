"""Tasks give the same results in one process and in several, and a run ends with its first error or dead worker."""

import fcntl
import os
import pty
import signal
import struct
import subprocess
import sys
import termios
import time
from functools import partial

import psutil
import pytest

from fila_video.common.files import DiskFullError
from fila_video.common.workers import WorkerDiedError, run_tasks
from tests.environment import REPOSITORY


def square(number: int) -> int:
    return number * number


def multiply(number: int, *, by: int) -> tuple[int, int]:
    return number * by, os.getpid()


def fail_at(number: int, *, where: int) -> int:
    if number == where:
        raise DiskFullError(28, f"No space left for {number}.")
    return number


def die_at(number: int, *, where: int) -> int:
    if number == where:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def sleep_and_tell(seconds: float) -> float:
    time.sleep(seconds)
    return seconds


def run(function, tasks, **options) -> list:
    return list(run_tasks(function, tasks, title="testing", unit="task", **options))


@pytest.mark.parametrize("num_workers", [1, 3])
def test_every_task_is_done_once(num_workers):
    tasks = range(50)
    assert sorted(run(square, tasks, num_workers=num_workers)) == [number**2 for number in tasks]


def test_one_process_keeps_the_order_and_works_lazily():
    results = run_tasks(partial(fail_at, where=2), range(5), title="testing", unit="task")
    assert [next(results), next(results)] == [0, 1]
    with pytest.raises(DiskFullError):
        next(results)


def test_several_processes_share_the_work_and_a_partial_function_can_be_sent():
    found = run(partial(multiply, by=3), range(20), num_workers=2)
    assert sorted(product for product, _ in found) == [3 * number for number in range(20)]
    assert os.getpid() not in {process for _, process in found}


def test_results_come_in_the_order_in_which_tasks_finish():
    assert run(sleep_and_tell, [2.0, 0.0], num_workers=2) == [0.0, 2.0]


@pytest.mark.parametrize("num_workers", [1, 2])
def test_the_first_error_ends_the_run(num_workers):
    with pytest.raises(DiskFullError, match="No space left for 3") as caught:
        run(partial(fail_at, where=3), range(1000), num_workers=num_workers)
    assert caught.value.errno == 28


def test_a_killed_worker_is_an_error_that_says_what_to_do():
    with pytest.raises(WorkerDiedError, match="killed, or it ran out of memory. Run the same command again"):
        run(partial(die_at, where=3), range(20), num_workers=2)


def test_no_tasks_need_no_workers():
    assert run(square, [], num_workers=4) == [] == run(square, [], ray_address="nowhere")


@pytest.mark.parametrize("num_workers", [-1, 0])
def test_no_workers_are_refused(num_workers):
    with pytest.raises(ValueError, match=f"num_workers must be positive, got {num_workers}"):
        run(square, [1], num_workers=num_workers)


PROGRAM = """
from fila_video.common.workers import run_tasks
from tests.fila_video.common.test_workers import sleep_and_tell

if __name__ == "__main__":
    for seconds in run_tasks(sleep_and_tell, [0.0, 0.0] + [600.0] * 4, num_workers=2, title="testing", unit="task"):
        print(seconds, flush=True)
"""


def test_workers_end_when_their_parent_is_killed(tmp_path):
    script = tmp_path / "program.py"
    script.write_text(PROGRAM, encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    parent = subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, env=environment)
    assert parent.stdout.readline() == b"0.0\n"
    workers = psutil.Process(parent.pid).children(recursive=True)
    parent.kill()
    parent.wait()
    parent.stdout.close()
    assert len(workers) >= 2
    assert psutil.wait_procs(workers, timeout=60)[1] == []


def test_the_progress_is_shown_on_a_terminal_only(capsys):
    run(square, range(3))
    assert capsys.readouterr().err == ""
    code = (
        "from fila_video.common.workers import run_tasks\n"
        "from tests.fila_video.common.test_workers import square\n"
        "list(run_tasks(square, range(3), title='joining', unit='video'))\n"
    )
    assert "joining: 100%" in _error_output_on_a_terminal(code)


def _error_output_on_a_terminal(code: str) -> str:
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))  # rows and columns
    subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, stderr=theirs, check=True)
    os.close(theirs)
    with os.fdopen(ours, "rb") as terminal:
        return terminal.read1(100_000).decode()


def test_where_there_is_no_terminal_a_line_is_printed_every_ten_seconds(monkeypatch, capsys):
    """Each task takes four seconds: after 12 and 24 seconds, three and six tasks are done."""
    clock = iter(range(0, 1000, 4))
    now = [0]

    def monotonic():
        return now[0]

    def task(number):
        now[0] = next(clock) + 4
        return number

    monkeypatch.setattr("fila_video.common.workers.time.monotonic", monotonic)
    assert list(run_tasks(task, range(7), title="joining", unit="video")) == list(range(7))
    assert capsys.readouterr().err == "joining: 3 of 7 videos\njoining: 6 of 7 videos\n"
