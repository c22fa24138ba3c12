"""Writes the web page as a Hugging Face Space: a folder to be uploaded, which needs public packages only."""

import shutil
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path


WEB = Path(__file__).parent / "web"
REQUIREMENTS = (
    "accelerate>=1.1",
    "av>=17.1,<19",
    "pillow>=10",
    "torch>=2.6",
    "torchvision>=0.21",
    "transformers>=5.17,<6",
)
OLDEST_GRADIO = "6.31.0"
DEFAULT_HARDWARE = "cpu-basic"
APP = '''"""The web page.

The code in the model's repository is run, so the revision is a commit. The variables FILA_VIDEO_MODEL and
FILA_VIDEO_REVISION of the Space name another model.
"""

import os

from web.run_page import run_page


MODEL = {model!r}
REVISION = {revision!r}

other = os.environ.get("FILA_VIDEO_MODEL")
revision = os.environ.get("FILA_VIDEO_REVISION") or (None if other else REVISION)
run_page(other or MODEL, revision=revision, trust_remote_code=True)
'''
README = """---
title: FiLA-Video
emoji: 🎬
sdk: gradio
sdk_version: {gradio}
app_file: app.py
suggested_hardware: {hardware}
license: apache-2.0
short_description: Ask about a long video, and see its scenes
models:
- {model}
---

Ask a question about a video, and see which scenes the answer rests on.
"""


def write_space(
    model: str, folder: str | Path, *, revision: str | None = None, hardware: str = DEFAULT_HARDWARE
) -> None:
    """
    Writes app.py, the files of the page, the requirements and the card into a new folder.

    Args:
        model: Hub id of a FiLA-Video model. The Space runs the code that comes with it.
        folder: Folder to write. It must not exist, or be empty.
        revision: Revision of the model. A commit pins the code that is run. Default: the newest one.
        hardware: Hardware that the card suggests, by the Hub's name for it.

    Raises:
        OSError: If the folder cannot be written.
        ValueError: If the folder is not empty.
    """
    folder = Path(folder)
    if folder.exists() and any(folder.iterdir()):
        raise ValueError(f"{folder} is not empty.")
    shutil.copytree(WEB, folder / "web", ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "app.py").write_text(APP.format(model=model, revision=revision), encoding="utf-8")
    (folder / "requirements.txt").write_text("\n".join([*REQUIREMENTS, ""]), encoding="utf-8")
    card = README.format(gradio=_gradio_version(), hardware=hardware, model=model)
    (folder / "README.md").write_text(card, encoding="utf-8")


def _gradio_version() -> str:
    """The installed version, with which the page was tried; a Space installs what its card names."""
    try:
        return version("gradio")
    except PackageNotFoundError:
        return OLDEST_GRADIO
