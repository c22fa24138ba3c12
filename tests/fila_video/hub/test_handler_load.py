"""The handler behind a server that many clients ask at the same time."""

import pytest

from benchmarks.handler_load import measure
from tests.environment import REPOSITORY


pytestmark = [pytest.mark.slow, pytest.mark.sanitizing, pytest.mark.proc]

MINI = str(REPOSITORY / "checkpoints" / "fila-video-mini")
SIGTERM = -15  # uvicorn ends by the signal that told it to stop, after the last answer


def check(found):
    assert found["wrong"] == 0
    assert found["right answers"] > 0 and found["attacks refused"] > 0
    assert found["memory after, MiB"] < 1.05 * found["memory before, MiB"]
    assert found["files after"] <= found["files before"]
    assert found["threads after"] <= found["threads before"]
    assert found["processes started"] == 0
    assert found["right answers after that"] == found["requests when told to stop"] > 0
    assert found["exit status"] == SIGTERM


def test_eight_clients_get_their_own_answers_and_nothing_is_left():
    check(measure(MINI, seconds=15))


def test_so_it_is_in_the_server_of_inference_endpoints(toolkit_python):
    check(measure(MINI, seconds=15, python=str(toolkit_python), toolkit=True))
