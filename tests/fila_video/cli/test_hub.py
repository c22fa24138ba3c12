"""A model on a Hub is downloaded and converted on first use, and answers without a network afterwards."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.environment import REPOSITORY
from tests.fila_video.conversion.sources import llava_onevision, write_llava_onevision
from tests.hub_server import HubRepository, serve


NAME = "org/onevision"


def ask(clip: Path, env: dict[str, str], *options: str) -> subprocess.CompletedProcess:
    arguments = [
        "ask",
        str(clip),
        "What is it?",
        "--model",
        NAME,
        "--json",
        "--num-frames",
        "4",
        "--max-new-tokens",
        "4",
    ]
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
    return subprocess.run(
        [sys.executable, "-m", "fila_video", *arguments, *options],
        cwd=REPOSITORY,
        env={**kept, "OMP_NUM_THREADS": "1", **env},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )


@pytest.mark.slow
def test_a_model_of_the_hub(clip, tmp_path):
    folder = write_llava_onevision(tmp_path / "onevision", llava_onevision())
    files = {path.name: path.read_bytes() for path in folder.iterdir()}
    home = {"HF_HOME": str(tmp_path / "huggingface")}
    with serve() as hub:
        variables, hub.repositories[NAME] = hub.variables, HubRepository(files)
        commit = hub.repositories[NAME].branches["main"]
        unasked = ask(clip, {**variables, **home})
        size = f"{len(files['model.safetensors']) / 1000:.0f} kB"
        assert unasked.returncode == 2
        assert f"This downloads {size} and writes {size} to" in unasked.stderr and "Add --yes" in unasked.stderr

        first = ask(clip, {**variables, **home}, "--yes")
        assert first.returncode == 0, first.stderr
        assert first.stderr.startswith(f"fila-video ask: Converted {NAME}. ") and first.stderr.count("\n") == 1

        missing = ask(clip, {**variables, **home}, "--model", "org/nothing")
        assert missing.returncode == 1 and missing.stderr.count("\n") == 1
        assert "org/nothing is not a folder, and it cannot be loaded from the Hub" in missing.stderr

    second = ask(clip, {"HF_HUB_OFFLINE": "1", **home})
    assert (second.returncode, second.stdout, second.stderr) == (0, first.stdout, "")
    assert json.loads(second.stdout)["model"] == NAME

    pinned = ask(clip, {"HF_HUB_OFFLINE": "1", **home}, "--revision", commit)
    assert json.loads(pinned.stdout)["answers"] == json.loads(second.stdout)["answers"]
