"""From a folder to the Hub, and from the Hub to somebody who has nothing of ours installed, and back again."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from transformers import pipeline

from fila_video.world.draw_video import draw_video
from fila_video.world.render_video import render_video
from tests.environment import REPOSITORY
from tests.hub_server import TOKEN


pytestmark = [pytest.mark.slow, pytest.mark.sanitizing, pytest.mark.timeout(1800)]

MINI = REPOSITORY / "checkpoints" / "fila-video-mini"
QUESTION = "What is in the first scene?"
STRANGER = Path(__file__).with_name("stranger.py")
CLASSES = [
    *("FilaVideoConfig", "FilaVideoModel", "FilaVideoForConditionalGeneration", "FilaVideoForConditionalGeneration"),
    *("FilaVideoProcessor", "FilaVideoVideoProcessor"),
]
ASK = """
import sys
from transformers import pipeline

pipe = pipeline("video-text-to-text", model="org/tuned", dtype="float32", trust_remote_code=True)
print(repr(pipe(sys.argv[1], text=sys.argv[2], max_new_tokens=16)[0]["generated_text"]))
"""


def publish(hub, folder, *options):
    """Runs the command, and returns what it printed."""
    done = subprocess.run(
        [sys.executable, "-m", "fila_video.hub", "publish", folder, *options],
        cwd=REPOSITORY,
        env={**os.environ, **hub.variables},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert TOKEN not in done.stdout + done.stderr
    return done.stdout


def answer_of(folder, clip):
    return pipeline("video-text-to-text", str(folder), dtype="auto", trust_remote_code=True)(
        str(clip), text=QUESTION, max_new_tokens=16
    )[0]["generated_text"]


def test_a_stranger_uses_trains_and_publishes_it(hub, run_python, tmp_path):
    clip, tuned = tmp_path / "drawn.mp4", tmp_path / "tuned"
    render_video(draw_video(np.random.default_rng(5)), clip)
    first = publish(hub, MINI, "org/mini", "--tag", "v1")
    repository = hub.repositories["org/mini"]
    sha = repository.branches["main"]
    assert f"Uploaded as commit {sha}." in first and repository.tags == {"v1": sha} and repository.private

    printed = run_python(STRANGER, "org/mini", sha, clip, tuned, env=hub.variables, timeout_seconds=900)
    found = json.loads(printed.splitlines()[-1])
    assert found["classes"] == CLASSES and found["module"].startswith("transformers_modules.")
    assert found["answer"] == answer_of(MINI, clip)
    assert found["cached"] == [sha]
    assert found["blocks"] == 4
    assert found["losses"][1] < found["losses"][0]
    assert found["adapter_is_same"] is True

    hub.sent.clear()
    publish(hub, tuned, "org/tuned", "--public")
    card = hub.repositories["org/tuned"].files()["README.md"].decode()
    assert "base_model: org/mini" in card and 'model="org/tuned"' in card and 'model="org/mini"' not in card
    again = run_python(ASK, clip, QUESTION, env={**hub.variables, "HF_TOKEN": ""})  # by anybody: it is public
    assert again.strip() == repr(answer_of(tuned, clip))


def test_a_second_publication_sends_nothing(hub):
    publish(hub, MINI, "org/mini")
    hub.sent.clear()
    assert "Nothing has changed since commit" in publish(hub, MINI, "org/mini") and hub.sent == []
