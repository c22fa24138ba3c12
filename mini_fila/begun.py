"""A folder whose contents are not made again: it says what they are made by, and is held to that."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dataset_fila.files import write_text


def begin(folder: Path, file: str, plan: Mapping[str, Any]) -> None:
    """
    Writes `plan` into `file` of a new folder; in one that was begun, what is written there has to be the same.

    Raises:
        ValueError: the folder holds results of another plan, or something else.
    """
    path = folder / file
    plan = json.loads(json.dumps(plan))  # as it is read again: lists in place of tuples
    if path.is_file():
        found = json.loads(path.read_text(encoding="utf-8"))
        if found != plan:
            changed = {name: value for name, value in found.items() if (name, value) not in plan.items()}
            wanted = {name: value for name, value in plan.items() if (name, value) not in found.items()}
            raise ValueError(f"{folder} holds results of {changed}, not of {wanted}: give another folder.")
        return
    if folder.exists() and any(folder.iterdir()):
        raise ValueError(f"{folder} holds something else than results of such a plan: give another folder.")
    write_text(path, json.dumps(plan) + "\n")
