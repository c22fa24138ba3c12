"""Publishes the web page as a Space on the Hugging Face Hub, with a model that is there already."""

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from fila_video.conversion.checkpoint_folder import unfinished_folder
from fila_video.serving.write_space import write_space

from .space_model import SpaceModel, check_hardware, find_model, suggest_hardware
from .upload import Uploaded, upload


@dataclass(frozen=True)
class Space:
    """What is published.

    Attributes:
        repository: Id of the Space on the Hub.
        model: The model that it loads.
        hardware: Hardware that its card suggests.
    """

    repository: str
    model: SpaceModel
    hardware: str


def prepare_space(repository: str, model: str, *, revision: str | None = None, hardware: str | None = None) -> Space:
    """
    Finds the model of a Space on the Hub.

    Args:
        repository: Id of the Space.
        model: Id of the model.
        revision: Branch, tag or commit of the model. The Space loads its present commit. Default: `main`.
        hardware: Hardware that the card suggests. Default: what the weights need.

    Raises:
        ValueError: If there is no such model, or no known hardware is large enough.
        OSError: If the Hub does not answer, or refuses.
    """
    if hardware is not None:
        check_hardware(hardware)
    found = find_model(model, revision)
    return Space(repository, found, hardware or suggest_hardware(found.weight_bytes))


def write(space: Space, output: Path) -> None:
    """
    Writes exactly what would be uploaded into a new folder.

    Raises:
        OSError: If the folder exists and is not empty, or cannot be written.
    """
    with unfinished_folder(output) as folder:
        _write(space, folder)


def publish(space: Space, *, is_public: bool = False, tag: str | None = None, message: str | None = None) -> Uploaded:
    """
    Uploads the page. It starts on the Hub when the upload is complete.

    Args:
        space: What is published.
        is_public: Whether everybody may see it. A Space that exists keeps its visibility.
        tag: A new tag for what is uploaded.
        message: Message of the commit.

    Raises:
        ValueError, OSError: See `upload`.
    """
    with TemporaryDirectory() as folder:
        _write(space, Path(folder))
        return upload(Path(folder), space.repository, kind="space", is_public=is_public, tag=tag, message=message)


def _write(space: Space, folder: Path) -> None:
    write_space(space.model.name, folder, revision=space.model.commit, hardware=space.hardware)
