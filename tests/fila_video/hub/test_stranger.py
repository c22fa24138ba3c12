"""From a folder to the Hub, and from the Hub to somebody who has nothing of ours installed, and back again."""

import json
import math
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors import safe_open
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


def run_card_command(hub, name, clip, home):
    """Runs the command of `fila-video` on the card as it stands, next to the clip. Returns what it prints."""
    blocks = re.findall(r"```bash\n(.*?)```", hub.repositories[name].files()["README.md"].decode(), re.DOTALL)
    (command,) = [shlex.split(block) for block in blocks if block.startswith("fila-video ")]
    done = subprocess.run(
        [sys.executable, "-m", "fila_video", *command[1:]],
        cwd=clip.parent,
        env={**os.environ, **hub.variables, "HF_HOME": str(home), "PYTHONPATH": str(REPOSITORY)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def counted_by_accelerate():
    """The number of weights. Those that the output layer shares with the embeddings are counted twice."""
    with safe_open(MINI / "model.safetensors", framework="np") as weights:
        sizes = {name: math.prod(weights.get_slice(name).get_shape()) for name in weights.keys()}  # noqa: SIM118
    return sum(sizes.values()) + sizes["model.language_model.embed_tokens.weight"]


def answer_of(folder, clip):
    return pipeline("video-text-to-text", str(folder), dtype="auto", trust_remote_code=True)(
        str(clip), text=QUESTION, max_new_tokens=16
    )[0]["generated_text"]


def test_a_stranger_uses_trains_and_publishes_it(hub, run_python, tmp_path):
    clip, tuned = tmp_path / "clip.mp4", tmp_path / "tuned"
    render_video(draw_video(np.random.default_rng(5)), clip)
    first = publish(hub, MINI, "org/mini", "--tag", "v1")
    repository = hub.repositories["org/mini"]
    sha = repository.branches["main"]
    assert f"Uploaded as commit {sha}." in first and repository.tags == {"v1": sha} and repository.private

    printed = run_python(STRANGER, "org/mini", sha, clip, tuned, env=hub.variables, timeout_seconds=900)
    found = json.loads(printed.splitlines()[-1])
    assert found["classes"] == CLASSES and found["module"].startswith("transformers_modules.")
    assert found["answer"] == answer_of(MINI, clip)
    assert found["blocks"] == 4
    assert found["answer"] in run_card_command(hub, "org/mini", clip, tmp_path / "home")
    assert found["losses"][1] < found["losses"][0]
    assert found["adapter_is_same"] is True
    assert found["memory"] == f"{4 * counted_by_accelerate() / 2**20:.2f} MB"
    assert found["cache"]["commits"] == [sha] and found["cache"]["left"] == []
    assert "All checksums match" in found["cache"]["verified"]

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
