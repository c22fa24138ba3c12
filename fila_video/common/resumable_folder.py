"""A folder of results that a later run continues. A file in it states the plan that the results belong to."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .files import write_text


def begin(folder: Path, file: str, plan: Mapping[str, Any]) -> None:
    """Begins a folder of results, or checks that an existing folder belongs to the same plan.

    In a new or empty folder, `plan` is written to `file`. In a folder that was begun earlier, `file` must hold the
    same plan.

    Args:
        folder: Folder of the results. It is created if it does not exist.
        file: Name of the file in `folder` that holds the plan.
        plan: Everything that determines the results, as JSON values.

    Raises:
        ValueError: If the folder holds results of another plan, or other files.
    """
    path = folder / file
    plan = json.loads(json.dumps(plan))  # as it is read back from the file: tuples become lists
    if path.is_file():
        found = json.loads(path.read_text(encoding="utf-8"))
        if found != plan:
            changed = {name: value for name, value in found.items() if (name, value) not in plan.items()}
            wanted = {name: value for name, value in plan.items() if (name, value) not in found.items()}
            raise ValueError(f"{folder} holds results of {changed}, not of {wanted}: give another folder.")
        return
    if folder.exists() and any(folder.iterdir()):
        raise ValueError(f"{folder} contains files that this command did not write. Choose an empty folder.")
    write_text(path, json.dumps(plan) + "\n")
