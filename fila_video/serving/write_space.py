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
APP = '''"""The web page. The variable FILA_VIDEO_MODEL of the Space names another model."""

import os

from web.run_page import run_page


run_page(os.environ.get("FILA_VIDEO_MODEL") or {model!r}, trust_remote_code=True)
'''
README = """---
title: FiLA-Video
emoji: 🎬
sdk: gradio
sdk_version: {gradio}
app_file: app.py
models:
- {model}
---

Ask a question about a video, and see which scenes the answer rests on.
"""


def write_space(model: str, folder: str | Path) -> None:
    """
    Writes app.py, the files of the page, the requirements and the card into a new folder.

    Args:
        model: Hub id of a FiLA-Video model. The Space runs the code that comes with it.
        folder: Folder to write. It must not exist, or be empty.

    Raises:
        OSError: If the folder cannot be written.
        ValueError: If the folder is not empty.
    """
    folder = Path(folder)
    if folder.exists() and any(folder.iterdir()):
        raise ValueError(f"{folder} is not empty.")
    shutil.copytree(WEB, folder / "web", ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "app.py").write_text(APP.format(model=model), encoding="utf-8")
    (folder / "requirements.txt").write_text("\n".join([*REQUIREMENTS, ""]), encoding="utf-8")
    (folder / "README.md").write_text(README.format(gradio=_gradio_version(), model=model), encoding="utf-8")


def _gradio_version() -> str:
    """The installed version, with which the page was tried; a Space installs what its card names."""
    try:
        return version("gradio")
    except PackageNotFoundError:
        return OLDEST_GRADIO
