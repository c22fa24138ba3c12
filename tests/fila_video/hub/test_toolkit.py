"""The handler inside Hugging Face's own server for Inference Endpoints: a request, and the table of attacks."""

import base64
import json

import numpy as np
import pytest
from transformers import pipeline

from benchmarks.handler_load import serve
from fila_video.hub.stage_folder import stage_folder
from fila_video.world.draw_video import draw_video
from fila_video.world.render_video import render_video
from tests.environment import REPOSITORY
from tests.fila_video.hub.hostile_files import FILES, HOSTS, SECRET, SOURCES


pytestmark = [pytest.mark.slow, pytest.mark.toolkit, pytest.mark.sanitizing, pytest.mark.proc]

MINI = REPOSITORY / "checkpoints" / "fila-video-mini"
QUESTION = "What is in the first scene?"
MOST_MIB = 300  # that an attack may add to the peak of memory; the picture of one of them would take 3600


@pytest.fixture(scope="module")
def server(toolkit_python, tmp_path_factory):
    folder = tmp_path_factory.mktemp("published")
    stage_folder(MINI, folder, "org/model")
    log = tmp_path_factory.mktemp("server") / "log"
    with serve(folder, log, python=str(toolkit_python), toolkit=True) as running:
        yield running
    assert "Found custom pipeline" in log.read_text(encoding="utf-8")


def request(video):
    return {"inputs": {"video": video, "text": QUESTION}, "parameters": {"max_new_tokens": 16, "return_scenes": True}}


def test_the_answer_is_that_of_the_pipeline(server, tmp_path):
    clip = tmp_path / "drawn.mp4"
    render_video(draw_video(np.random.default_rng(1)), clip)
    (expected,) = pipeline("video-text-to-text", str(MINI), trust_remote_code=True, dtype="auto")(
        str(clip), text=QUESTION, return_scenes=True, max_new_tokens=16
    )
    status, answer = server.ask(request(base64.b64encode(clip.read_bytes()).decode()))
    assert (status, answer) == (200, json.loads(json.dumps([expected])))


def refusal(server, video):
    peak = server.usage().peak
    status, answer = server.ask(request(video))
    assert status == 400 and list(answer) == ["error"]
    assert SECRET not in answer["error"] and "Traceback" not in answer["error"] and len(answer["error"]) < 400
    assert server.usage().peak < peak + MOST_MIB
    return answer["error"]


@pytest.mark.parametrize("host", HOSTS)
def test_addresses_that_are_not_public(server, host):
    assert "does not lead to a public address" in refusal(server, f"http://{host}/secret.mp4")


@pytest.mark.parametrize("video", SOURCES)
def test_what_is_neither_a_url_nor_base64(server, video):
    assert "http(s) URL" in refusal(server, video)


@pytest.mark.parametrize(("make", "message"), FILES.values(), ids=FILES)
def test_files_that_cost_too_much_or_lead_elsewhere(server, tmp_path, make, message):
    assert message in refusal(server, base64.b64encode(make(tmp_path / "clip.mp4")).decode())
