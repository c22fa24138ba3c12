"""Chooses the files of a model's folder that go to the Hub. All others stay, and are listed."""

import json
import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path

import modeling_fila
import processing_fila

from .code_files import find_code


# Files that are published as they are. Weights and code are chosen by what refers to them.
KINDS = (
    *("config.json", "generation_config.json", "processor_config.json"),
    *("preprocessor_config.json", "video_preprocessor_config.json"),
    *("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json"),
    *("vocab.json", "merges.txt", "chat_template.jinja", "chat_template.json"),
    *("scores.json", "LICENSE", "LICENSE.*", "NOTICE", "NOTICE.*", "*.png", "*.jpg", "*.svg", ".eval_results/*.yaml"),
)
# Files that publishing writes itself.
WRITTEN = ("README.md", "requirements.txt", "handler.py")
REQUIRED = ("config.json", "generation_config.json", "processor_config.json", "tokenizer.json", "chat_template.jinja")
WEIGHTS, WEIGHTS_INDEX = "model.safetensors", "model.safetensors.index.json"
# The folders of code to which links of a checkpoint in the repository lead.
CODE_FOLDERS = tuple(Path(package.__path__[0]).resolve() for package in (modeling_fila, processing_fila))


@dataclass
class Chosen:
    """Which files go to the Hub.

    Attributes:
        files: For each name in the repository the file with its content.
        left_out: For each other file of the folder the reason why it stays.
    """

    files: dict[str, Path] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)


def choose_files(folder: Path) -> Chosen:
    """
    Chooses the files of a model's folder that go to the Hub.

    Raises:
        ValueError: If something that a published model needs is missing, or a link leads out of the folder.
        OSError: If a file cannot be read.
    """
    if not folder.is_dir():
        raise ValueError(f"{folder} is not a folder.")
    found = {path.relative_to(folder).as_posix(): path for path in _files_in(folder)}
    weights = _weights(folder, found)
    code = find_code(folder, found)
    chosen = Chosen()
    for name, path in sorted(found.items()):
        if name in weights or name in code or _is_of_a_kind(name):
            chosen.files[name] = _inside(path, folder)
        elif name not in WRITTEN:
            chosen.left_out[name] = _reason(name)
    missing = [name for name in REQUIRED if name not in chosen.files]
    if missing:
        raise ValueError(f"{folder} is not a complete model: {', '.join(missing)} not found.")
    return chosen


def _files_in(folder: Path) -> Iterable[Path]:
    """All files, without following links to folders."""
    for root, folders, names in os.walk(folder):
        yield from (Path(root, name) for name in names)
        links = [name for name in folders if Path(root, name).is_symlink()]
        if links:
            raise ValueError(f"{Path(root, links[0])} is a link to a folder, which cannot be published.")


def _is_of_a_kind(name: str) -> bool:
    """Whether a file is published as it is. A `*` stands for no folder."""
    return any(fnmatch(name, kind) and name.count("/") == kind.count("/") for kind in KINDS)


def _inside(path: Path, folder: Path) -> Path:
    """
    The file to read for a path. A link to a file of our code, as the checkpoints of the repository have them, is that
    file.
    """
    target = path.resolve()
    if target.is_relative_to(folder.resolve()):
        if path.is_symlink() and _is_hidden(target.relative_to(folder.resolve()).as_posix()):
            raise ValueError(f"{path} is a link to the hidden file {target}, which is not published.")
        return target
    if path.suffix == ".py" and path.name == target.name and target.parent in CODE_FOLDERS:
        return target
    raise ValueError(f"{path} is a link out of the folder, to {target}: put the file itself there.")


def _is_hidden(name: str) -> bool:
    return any(part.startswith(".") for part in name.split("/"))


def _weights(folder: Path, found: dict[str, Path]) -> set[str]:
    """The files of the weights, which are safetensors: one file, or an index and the files that it names."""
    if WEIGHTS in found:
        return {WEIGHTS}
    if WEIGHTS_INDEX not in found:
        raise ValueError(f"{folder} has no weights in the format safetensors: neither {WEIGHTS} nor {WEIGHTS_INDEX}.")
    with found[WEIGHTS_INDEX].open(encoding="utf-8") as file:
        shards = set(json.load(file)["weight_map"].values())
    missing = sorted(shards - found.keys())
    if missing:
        raise ValueError(f"{found[WEIGHTS_INDEX]} names files that are missing: {', '.join(missing[:3])}.")
    return {WEIGHTS_INDEX, *shards}


def _reason(name: str) -> str:
    if _is_hidden(name):
        return "hidden"
    if name.endswith(".py"):
        return "code that the model does not import"
    if name.endswith((".safetensors", ".safetensors.index.json")):
        return "not the weights that are loaded"
    return "not a file of a published model"
