"""The checkpoint from which a run can resume."""

import json
import re
from pathlib import Path


TRAINER_STATE = "trainer_state.json"


def last_whole_checkpoint(output: str | Path) -> Path | None:
    """
    Finds the newest complete checkpoint of a run.

    A run that was killed while it wrote a checkpoint leaves a folder without a readable `trainer_state.json`, which
    the Trainer writes last. Such folders are passed over.

    Returns:
        The checkpoint's folder, or None if there is no complete one.
    """
    folders = sorted(Path(output).glob("checkpoint-*"), key=_step, reverse=True)
    return next((folder for folder in folders if steps_done(folder) is not None), None)


def steps_done(folder: str | Path) -> int | None:
    """Number of steps that a finished run or a checkpoint has trained; None if the folder has no complete state."""
    try:
        return json.loads((Path(folder) / TRAINER_STATE).read_text(encoding="utf-8"))["global_step"]
    except (OSError, ValueError, KeyError):
        return None


def _step(folder: Path) -> int:
    number = re.fullmatch(r"checkpoint-(\d+)", folder.name)
    return int(number[1]) if number else -1
