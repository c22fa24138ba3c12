"""Finds a model in a folder or on the Hub, and has one of another format converted."""

import json
from pathlib import Path
from typing import Any

from huggingface_hub import hf_hub_download, snapshot_download
from huggingface_hub.errors import EntryNotFoundError, HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

from .converted_models import Source, converted
from .show import download_bars
from .usage import BadUsage


FILA_VIDEO = "fila_video"
CONFIG = "config.json"
MODEL_FILES = ("*.json", "*.jinja", "*.safetensors", "*.txt")


def find_model(program: str, name: str, *, revision: str | None, yes: bool) -> Path:
    """
    Returns the folder of a FiLA-Video model. It is downloaded, or converted into the cache, if need be.

    Args:
        program: Name of the command, for notices.
        name: Folder or Hub id of a model of FiLA-Video, LLaVA-OneVision or LLaVA-Video.
        revision: Branch, tag or commit on the Hub.
        yes: Whether to convert without asking.

    Raises:
        OSError: If there is no such model.
        ValueError: If the model is of another kind.
        BadUsage: If a conversion needs a confirmation and nobody can give it.
    """
    folder = Path(name).expanduser()
    if folder.is_dir():
        if revision is not None:
            raise BadUsage(f"--revision {revision}: {name} is a folder, and has no revisions.")
        source = Source(str(folder), folder)
    else:
        source = _on_the_hub(name, revision)
    config = _read_config(source)
    if config.get("model_type") == FILA_VIDEO:
        return source.folder if source.commit is None else _download(source)
    if not _can_be_converted(config):
        raise ValueError(
            f"{name} holds a model of the type {config.get('model_type')!r}. This command takes models of FiLA-Video, "
            "LLaVA-OneVision and LLaVA-Video."
        )
    return converted(program, source, yes=yes)


def _can_be_converted(config: dict[str, Any]) -> bool:
    return config.get("model_type") == "llava_onevision" or "mm_projector_type" in config


def _on_the_hub(name: str, revision: str | None) -> Source:
    """The source, with the folder of the Hub's cache in which its files are, or will be."""
    if name.startswith((".", "/", "~")) or name.count("/") > 1:
        raise FileNotFoundError(f"{name}: there is no such folder.")
    try:
        config = Path(hf_hub_download(name, CONFIG, revision=revision))
    except EntryNotFoundError as error:
        if isinstance(error, LocalEntryNotFoundError):
            raise _not_found(name, "it is not in the cache, and the Hub cannot be reached", error) from error
        raise OSError(f"{name} on the Hub has no {CONFIG}, so it is not a model of Transformers.") from error
    except (HfHubHTTPError, HFValidationError, OSError) as error:
        raise _not_found(name, str(error), error) from error
    return Source(name, config.parent, commit=config.parent.name)


def _not_found(name: str, reason: str, error: Exception) -> OSError:
    first = " ".join(reason.split())
    return OSError(f"{name} is not a folder, and it cannot be loaded from the Hub: {first}")


def _read_config(source: Source) -> dict[str, Any]:
    path = source.folder / CONFIG
    if not path.is_file():
        raise FileNotFoundError(f"{source.name} is not a model: it has no {CONFIG}.")
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path} is not JSON: {error}.") from error
    if not isinstance(config, dict):
        raise ValueError(f"{path} is not the configuration of a model.")
    return config


def _download(source: Source) -> Path:
    with download_bars():
        return Path(snapshot_download(source.name, revision=source.commit, allow_patterns=list(MODEL_FILES)))
