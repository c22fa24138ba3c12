"""Finds the code that a model's folder needs: the files that its configuration names, and what they import."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from transformers.dynamic_module_utils import get_relative_imports


# What `auto_map` of the three configurations must name, so that all Auto classes load the folder.
AUTO_CLASSES = {
    "config.json": ("AutoConfig", "AutoModel", "AutoModelForImageTextToText", "AutoModelForMultimodalLM"),
    "processor_config.json": ("AutoProcessor", "AutoVideoProcessor"),
}
TASK = "video-text-to-text"


def find_code(folder: Path, found: dict[str, Path]) -> set[str]:
    """
    Finds the code that the folder needs.

    Args:
        folder: Folder of a model.
        found: Its files by their names in the folder.

    Returns:
        Names of files of the folder.

    Raises:
        ValueError: If an Auto class or the pipeline is not named, or a file is missing.
    """
    needed: set[str] = set()
    waiting = [f"{reference.partition('.')[0]}.py" for reference in _references(folder)]
    while waiting:
        name = waiting.pop()
        if name in needed:
            continue
        if name not in found:
            raise ValueError(f"{folder} is not a complete model: {name} not found, which its code needs.")
        needed.add(name)
        waiting += [f"{module}.py" for module in get_relative_imports(found[name])]
    return needed


def _references(folder: Path) -> list[str]:
    """The classes that the configurations name, such as `modeling_fila_video.FilaVideoModel`."""
    references: dict[str, str] = {}
    for file, names in AUTO_CLASSES.items():
        path = folder / file
        if not path.is_file():
            raise ValueError(f"{folder} is not a complete model: {file} not found.")
        values = _read_json(path)
        auto_map = dict(_entries_of(values, "auto_map"))
        missing = [name for name in names if name not in auto_map]
        if missing:
            raise ValueError(f"auto_map in {path} does not name {', '.join(missing)}: save the model again.")
        references |= {name: auto_map[name] for name in names}
    pipelines = dict(_entries_of(_read_json(folder / "config.json"), "custom_pipelines"))
    if TASK not in pipelines:
        raise ValueError(f"custom_pipelines in {folder / 'config.json'} does not name {TASK}: save the model again.")
    return [*references.values(), pipelines[TASK]["impl"]]


def _entries_of(values: Any, name: str) -> Iterator[tuple[str, Any]]:
    """All entries of the objects of this name, those of inner objects too."""
    if isinstance(values, dict):
        for key, value in values.items():
            if key == name and isinstance(value, dict):
                yield from value.items()
            else:
                yield from _entries_of(value, name)


def _read_json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} is not JSON: {error}.") from error
