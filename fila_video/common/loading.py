"""Loading a model that the user named: an error in one line, and no progress bar for what takes no time."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


# A model of this size is loaded or written in about a second.
SMALL_BYTES = 2**30
WEIGHTS = ("*.safetensors", "*.bin")
COPY_CODE = "python checkpoints/ship.py --copy-code"


@contextmanager
def loading(model: str | Path, *, trust_remote_code: bool = False) -> Iterator[None]:
    """
    Checks the name of a model, and loads it without progress bars if it is small.

    Args:
        model: Folder or Hub id of the model that the block loads.
        trust_remote_code: Whether the code in that folder is run.

    Raises:
        OSError: If there is no such folder, and the Hub does not have the model. The message names it.
        ValueError: If code that should be run is missing, because symbolic links were not copied.
    """
    folder = Path(model)
    check_model(model, trust_remote_code=trust_remote_code)
    with no_bars_if_small(model):
        try:
            yield
        except OSError as error:
            if folder.is_dir():
                raise
            raise OSError(f"{model}: there is no such folder, and the Hub did not have it: {error}") from error


def check_model(model: str | Path, *, trust_remote_code: bool = False) -> None:
    """
    Checks whether a name can be one of a model, before anything is loaded.

    Args:
        model: Folder or Hub id of a model.
        trust_remote_code: Whether the code in that folder will be run.

    Raises:
        FileNotFoundError: If there is no such folder, and the name cannot be a Hub id.
        NotADirectoryError: If it is a file.
        ValueError: If code that should be run is missing, because symbolic links were not copied.
    """
    folder = Path(model)
    if folder.is_dir():
        if trust_remote_code:
            _check_code(folder)
    elif folder.exists():
        raise NotADirectoryError(f"{model} is a file; give the folder of a model, or its Hub id.")
    elif not _can_be_hub_id(str(model)):
        raise FileNotFoundError(f"{model}: there is no such folder.")


@contextmanager
def no_bars_if_small(model: str | Path) -> Iterator[None]:
    """
    Hides the progress bars of transformers if a model has so few weights that nobody waits for them.

    The setting is put back at the end. Nothing changes for a model on the Hub, whose download takes time.

    Args:
        model: Folder or Hub id of a model.
    """
    from transformers.utils import logging

    if not (_is_small(Path(model)) and logging.is_progress_bar_enabled()):
        yield
        return
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.enable_progress_bar()


def _is_small(folder: Path) -> bool:
    return folder.is_dir() and sum(file.stat().st_size for kind in WEIGHTS for file in folder.glob(kind)) < SMALL_BYTES


def _can_be_hub_id(name: str) -> bool:
    from huggingface_hub.errors import HFValidationError
    from huggingface_hub.utils import validate_repo_id

    try:
        validate_repo_id(name)
    except HFValidationError:
        return False
    return True


def _check_code(folder: Path) -> None:
    """Where links could not be made, git writes files that hold their targets. A copied link may lead nowhere."""
    for file in sorted(folder.glob("*.py")):
        if not file.exists() or file.read_text(encoding="utf-8", errors="replace").startswith("../"):
            raise ValueError(
                f"{file} should be a symbolic link to code, but the link was lost when {folder} was copied. "
                f"Run this once in the repository: {COPY_CODE} {folder}"
            )
