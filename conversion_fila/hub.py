"""Finding a checkpoint: a folder here, or files from the Hugging Face Hub."""

from pathlib import Path

from huggingface_hub import snapshot_download
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

from .source_files import SourceFiles, open_source


# Configuration, tokenizer, licence and card; the weights come with the pattern of their kind.
BESIDE_WEIGHTS = ("*.json", "*.txt", "*.jinja", "README.md", "LICENSE*")


def find_source(name: str | Path, *, revision: str | None = None, allow_pickle: bool = False) -> SourceFiles:
    """
    Opens a checkpoint in a folder, or on the Hub.

    Raises:
        `OSError`: if there is no such folder or repository, or it lacks a file.
    """
    folder = Path(name)
    if not folder.is_dir():
        folder = _download(str(name), revision, allow_pickle)
    return open_source(str(name), folder, allow_pickle=allow_pickle)


def _download(name: str, revision: str | None, allow_pickle: bool) -> Path:
    patterns = [*BESIDE_WEIGHTS, "*.safetensors"]
    try:
        folder = Path(snapshot_download(name, revision=revision, allow_patterns=patterns))
        if allow_pickle and not any(folder.glob("*.safetensors")):
            folder = Path(snapshot_download(name, revision=revision, allow_patterns=[*BESIDE_WEIGHTS, "*.bin"]))
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError) as error:
        reason = " ".join(str(error).split())
        raise OSError(f"{name!r} is no folder here, and the Hub does not give it: {reason}") from error
    return folder
