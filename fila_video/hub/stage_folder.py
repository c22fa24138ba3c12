"""Writes a folder with exactly what goes to the Hub."""

import os
import re
import shutil
from importlib.metadata import version
from pathlib import Path

import yaml
from huggingface_hub import parse_eval_result_entries

from .card import complete_card
from .choose_files import Chosen, choose_files


HANDLER = Path(__file__).with_name("handler.py")
# What the files of a model import. The versions are those that answer the question of `check_folder`.
REQUIREMENTS = ("transformers", "torch", "torchvision", "accelerate", "av", "pillow")
TOKEN = re.compile(r"\bhf_[A-Za-z0-9]{30,}")
TEXTS = (".json", ".jinja", ".md", ".py", ".txt", ".yaml")
REQUIREMENTS_HEAD = """\
# The versions that answered a question with these files. Inference Endpoints install them before handler.py starts.
"""


def stage_folder(folder: Path, output: Path, repository: str, *, links: bool = False) -> Chosen:
    """
    Writes exactly what goes to the Hub.

    Args:
        folder: Folder of a model.
        output: Existing empty folder to write into.
        repository: Id of the repository on the Hub, which the card names.
        links: Whether large files may share their bytes with those of `folder`, for a folder that is only read.

    Returns:
        What was chosen, and what was left out.

    Raises:
        ValueError: If the folder cannot be published; see `choose_files`. Or if a file holds a token of the Hub.
        OSError: If a file cannot be read or written.
    """
    chosen = choose_files(folder)
    for name, source in chosen.files.items():
        if name.startswith(".eval_results/"):
            _check_results(source)
        target = output / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if not (links and name.endswith(".safetensors") and _link(source, target)):
            shutil.copyfile(source, target)
    shutil.copyfile(HANDLER, output / "handler.py")
    (output / "requirements.txt").write_text(REQUIREMENTS_HEAD + requirements(), encoding="utf-8")
    weights = [path for name, path in chosen.files.items() if name.endswith(".safetensors")]
    (output / "README.md").write_text(complete_card(folder, repository, weights), encoding="utf-8")
    _refuse_tokens(output)
    return chosen


def _check_results(path: Path) -> None:
    """Checks results in the form that the Hub shows on the page of a benchmark."""
    try:
        parse_eval_result_entries(yaml.safe_load(path.read_text(encoding="utf-8")))
    except (KeyError, TypeError, AttributeError, ValueError, yaml.YAMLError) as error:
        raise ValueError(f"{path} does not hold results of benchmarks as the Hub reads them: {error!r}.") from error


def _refuse_tokens(folder: Path) -> None:
    """Looks for tokens of the Hub, which a configuration could hold by mistake."""
    for path in sorted(folder.rglob("*")):
        if path.suffix in TEXTS and TOKEN.search(path.read_text(encoding="utf-8", errors="replace")):
            raise ValueError(f"{path.relative_to(folder)} holds what looks like a token of the Hub: remove it.")


def requirements() -> str:
    """The installed versions, one a line. What follows a plus names a build, which PyPI does not have."""
    return "".join(f"{name}=={version(name).partition('+')[0]}\n" for name in REQUIREMENTS)


def _link(source: Path, target: Path) -> bool:
    try:
        os.link(source, target)
    except OSError:  # another file system, or one without links
        return False
    return True
