"""The checkpoint from which a run can resume."""

import json
import logging
import re
import shutil
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

from safetensors import SafetensorError, safe_open


logger = logging.getLogger(__name__)
TRAINER_STATE = "trainer_state.json"
# What a checkpoint must have, and the names under which the Trainer writes it: alone, with FSDP or with DeepSpeed.
REQUIRED = {
    "weights": ("*.safetensors", "pytorch_model*", "global_step*"),
    "optimizer state": ("optimizer*", "global_step*"),
    "state of the schedule": ("scheduler.pt",),
}
READING_ERRORS = (OSError, ValueError, EOFError, RuntimeError, SafetensorError, zipfile.BadZipFile, zlib.error)


def resume_point(output: str | Path) -> Path | None:
    """
    Finds the newest whole checkpoint of a run, and sets newer ones aside.

    A checkpoint is not whole if its files are missing, cut off or damaged, or if it has weights that are not finite. A
    run that was killed while it wrote a checkpoint leaves such a folder. It is renamed to `damaged-checkpoint-STEP`,
    so that the Trainer does not count it when it deletes old checkpoints.

    Returns:
        The checkpoint's folder, or None if no checkpoint was ever completed.

    Raises:
        ValueError: If there are complete checkpoints, but none is whole; it names them and the damage.
    """
    damaged: dict[Path, str] = {}
    for folder in sorted(Path(output).glob("checkpoint-*"), key=_step, reverse=True):
        problem = damage_of(folder)
        if problem is None:
            _set_aside(damaged)
            return folder
        damaged[folder] = problem
    if lost := [f"{folder.name}: {problem}" for folder, problem in damaged.items() if steps_done(folder) is not None]:
        raise ValueError(
            f"output={output} has no checkpoint to resume from ({'; '.join(lost)}). Restore one, or remove them to "
            "train from the beginning."
        )
    _set_aside(damaged)
    return None


def damage_of(folder: Path) -> str | None:
    """Says what is wrong with a checkpoint. All files are read. Returns None if the checkpoint is whole."""
    if steps_done(folder) is None:
        return f"{TRAINER_STATE} is missing or not complete"
    for name, patterns in REQUIRED.items():
        if not any(path for pattern in patterns for path in folder.glob(pattern)):
            return f"the {name} is missing"
    for path in sorted(folder.iterdir()):
        try:
            problem = CHECKS.get(path.suffix, _no_problem)(path)
        except READING_ERRORS as error:
            problem = f"it cannot be read: {error}"
        if problem is not None:
            return f"{path.name}: {problem}"
    return None


def steps_done(folder: str | Path) -> int | None:
    """Number of steps that a finished run or a checkpoint has trained; None if the folder has no complete state."""
    try:
        return json.loads((Path(folder) / TRAINER_STATE).read_text(encoding="utf-8"))["global_step"]
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _no_problem(path: Path) -> None:
    return None


def _problem_of_json(path: Path) -> str | None:
    content = json.loads(path.read_text(encoding="utf-8"))
    parts = set(content["weight_map"].values()) if path.name.endswith(".index.json") else set()
    missing = sorted(name for name in parts if not (path.parent / name).is_file())
    return f"{missing[0]} is missing" if missing else None


def _problem_of_weights(path: Path) -> str | None:
    with safe_open(path, framework="pt") as weights:
        bad = [name for name in weights.keys() if not weights.get_tensor(name).isfinite().all()]
    return f"{bad[0]} is not finite" if bad else None


def _problem_of_states(path: Path) -> str | None:
    with zipfile.ZipFile(path) as states:  # what torch.save writes, with a checksum of each part
        bad = states.testzip()
    return f"{bad} is damaged" if bad else None


CHECKS: dict[str, Callable[[Path], str | None]] = {
    ".json": _problem_of_json,
    ".safetensors": _problem_of_weights,
    ".pt": _problem_of_states,
    ".pth": _problem_of_states,
}


def _set_aside(damaged: dict[Path, str]) -> None:
    for folder, problem in damaged.items():
        moved = folder.with_name(f"damaged-{folder.name}")
        shutil.rmtree(moved, ignore_errors=True)  # from an earlier time
        folder.rename(moved)
        logger.warning("%s is not whole (%s). It is now called %s.", folder, problem, moved.name)


def _step(folder: Path) -> int:
    number = re.fullmatch(r"checkpoint-(\d+)", folder.name)
    return int(number[1]) if number else -1
