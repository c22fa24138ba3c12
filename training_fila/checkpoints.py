"""Where a run can go on from."""

import json
import re
from pathlib import Path


TRAINER_STATE = "trainer_state.json"


def last_whole_checkpoint(output: str | Path) -> Path | None:
    """
    The newest checkpoint that was written to its end; None if there is none. A run that was killed while writing
    leaves one behind without a readable `trainer_state.json`, which the Trainer writes last.
    """
    folders = sorted(Path(output).glob("checkpoint-*"), key=_step, reverse=True)
    return next((folder for folder in folders if steps_done(folder) is not None), None)


def steps_done(folder: str | Path) -> int | None:
    """Steps that a finished run, or a checkpoint of it, has behind it; None where no whole state lies."""
    try:
        return json.loads((Path(folder) / TRAINER_STATE).read_text(encoding="utf-8"))["global_step"]
    except (OSError, ValueError, KeyError):
        return None


def _step(folder: Path) -> int:
    number = re.fullmatch(r"checkpoint-(\d+)", folder.name)
    return int(number[1]) if number else -1
