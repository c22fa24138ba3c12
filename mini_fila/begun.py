"""A folder whose contents are not made again: it says what they are made by, and is held to that."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def begin(folder: Path, file: str, plan: Mapping[str, Any]) -> None:
    """
    Writes `plan` into `file` of a new folder; in one that was begun, what is written there has to be the same.

    Raises:
        ValueError: the folder holds results of another plan, or something else.
    """
    path = folder / file
    if path.is_file():
        found = json.loads(path.read_text(encoding="utf-8"))
        if changed := {name: found.get(name) for name in plan if found.get(name) != plan[name]}:
            wanted = {name: plan[name] for name in changed}
            raise ValueError(f"{folder} holds results of {changed}, not of {wanted}: give another folder.")
        return
    if folder.exists() and any(folder.iterdir()):
        raise ValueError(f"{folder} holds something else than results of such a plan: give another folder.")
    folder.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(plan) + "\n", encoding="utf-8")
