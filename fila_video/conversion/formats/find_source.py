"""Finds a checkpoint in a local folder or on the Hugging Face Hub."""

from pathlib import Path

from huggingface_hub import snapshot_download
from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

from fila_video.common.loading import check_model

from .source_files import SourceFiles, open_source


# Configuration, tokenizer, license and model card. The files of weights have patterns of their own.
ALL_BUT_WEIGHTS = ("*.json", "*.txt", "*.jinja", "README.md", "LICENSE*")


def find_source(name: str | Path, *, revision: str | None = None, allow_pickle: bool = False) -> SourceFiles:
    """
    Opens a checkpoint in a folder, or downloads it from the Hub and opens it.

    Args:
        name: Folder or Hub id.
        revision: Branch, tag or commit on the Hub.
        allow_pickle: Whether `.bin` files may be downloaded and read.

    Raises:
        OSError: If there is no such folder or repository, or if it lacks a file.
        ConversionError: See `open_source`.
    """
    folder = Path(name)
    check_model(name)
    if not folder.is_dir():
        folder = _download(str(name), revision, allow_pickle)
    return open_source(str(name), folder, allow_pickle=allow_pickle)


def _download(name: str, revision: str | None, allow_pickle: bool) -> Path:
    patterns = [*ALL_BUT_WEIGHTS, "*.safetensors"]
    try:
        folder = Path(snapshot_download(name, revision=revision, allow_patterns=patterns))
        if allow_pickle and not any(folder.glob("*.safetensors")):
            folder = Path(snapshot_download(name, revision=revision, allow_patterns=[*ALL_BUT_WEIGHTS, "*.bin"]))
    except (HfHubHTTPError, LocalEntryNotFoundError) as error:
        reason = " ".join(str(error).split())
        raise OSError(f"{name}: there is no such folder, and the Hub did not have it: {reason}") from error
    return folder
