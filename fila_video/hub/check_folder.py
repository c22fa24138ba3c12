"""Checks that a folder works for a stranger: a Python without this package asks it a question."""

import json
import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from fila_video.world.draw_video import draw_video
from fila_video.world.render_video import render_video


SCRIPT = Path(__file__).with_name("ask_folder.py")
OWN_MODULES = (
    *("fila_video", "modeling_fila", "processing_fila"),
    *("configuration_fila", "convert_checkpoint", "pipeline_fila"),
)
QUESTION = "What is in the first scene?"
# Settings of the user that would change where the other Python looks for code and models, and the user's token.
REMOVED_SETTINGS = ("PYTHON", "HF_", "HUGGING", "TRANSFORMERS_")
NUM_LINES = 15  # of an error


def check_folder(folder: Path) -> dict[str, Any]:
    """
    Lets a Python that does not have this package load a folder and ask about a drawn video.

    Args:
        folder: Folder with everything that a published model has.

    Returns:
        The answer: `generated_text` and `scenes`.

    Raises:
        ValueError: If that fails. The message ends with the last lines of the error.
    """
    with TemporaryDirectory() as elsewhere:
        video = Path(elsewhere, "video.mp4")
        render_video(draw_video(np.random.default_rng(0)), video)
        kept = {name: value for name, value in os.environ.items() if not name.startswith(REMOVED_SETTINGS)}
        done = subprocess.run(
            [sys.executable, "-I", "-B", SCRIPT, folder.resolve(), video, QUESTION, ",".join(OWN_MODULES)],
            cwd=elsewhere,
            env={**kept, "HF_HUB_OFFLINE": "1", "HF_HOME": elsewhere},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
        )
    if done.returncode != 0:
        lines = "\n".join(done.stderr.strip().splitlines()[-NUM_LINES:])
        raise ValueError(f"{folder} does not work where this package is not installed:\n{lines}")
    (answer,) = json.loads(done.stdout.splitlines()[-1])
    return answer
