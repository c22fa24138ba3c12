"""The published model that a Space loads: which commit it is, and on which hardware it fits."""

import json
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from huggingface_hub import HfApi, SpaceHardware
from huggingface_hub.errors import RepositoryNotFoundError, RevisionNotFoundError

from fila_video.common.hub_errors import connection_errors


CONFIG = "config.json"
GB = 10**9
# Hardware of Spaces with the memory that it has for a model, in bytes; see https://huggingface.co/docs/hub/spaces-gpus.
# `cpu-basic` has 16 GB and two slow cores, so only small models are of use there.
HARDWARE = {"cpu-basic": 2 * GB, "t4-small": 16 * GB, "l4x1": 24 * GB, "l40sx1": 48 * GB, "a100-large": 80 * GB}
SHARE_FOR_WEIGHTS = 0.7  # frames, caches and activations need the rest


@dataclass(frozen=True)
class SpaceModel:
    """A model on the Hub.

    Attributes:
        name: Its id.
        commit: Hash of the commit that the Space loads.
        is_private: Whether the Space needs a token to load it.
        weight_bytes: Size of its weights.
    """

    name: str
    commit: str
    is_private: bool
    weight_bytes: int


@connection_errors()
def find_model(name: str, revision: str | None = None) -> SpaceModel:
    """
    Finds a model on the Hub.

    Args:
        name: Its id.
        revision: Branch, tag or commit. Default: `main`.

    Raises:
        ValueError: If there is no such FiLA-Video model, or `name` is a folder of this machine.
        OSError: If the Hub does not answer, or refuses.
    """
    if Path(name).is_dir():
        raise ValueError(f"{name} is a folder. A Space loads its model from the Hub: publish it, and give its id.")
    api = HfApi()
    try:
        found = api.model_info(name, revision=revision, files_metadata=True)
    except RevisionNotFoundError:
        raise ValueError(f"{name} has no revision {revision!r} on the Hub.") from None
    except RepositoryNotFoundError:
        raise ValueError(f"{name} is not a model on the Hub, or your token may not read it.") from None
    sizes = {file.rfilename: file.size or 0 for file in found.siblings or []}
    assert found.sha is not None
    if CONFIG not in sizes or _model_type(api, name, found.sha) != "fila_video":
        raise ValueError(f"{name} is not a FiLA-Video model.")
    weights = [size for file, size in sizes.items() if file.endswith(".safetensors")]
    return SpaceModel(name, found.sha, bool(found.private), sum(weights))


def suggest_hardware(weight_bytes: int) -> str:
    """
    Names the smallest hardware of Spaces on which weights of this size leave enough memory for videos.

    Raises:
        ValueError: If none does.
    """
    for name, memory in HARDWARE.items():
        if weight_bytes <= SHARE_FOR_WEIGHTS * memory:
            return name
    raise ValueError(f"The weights have {weight_bytes / GB:.0f} GB: choose the hardware yourself, with --hardware.")


def check_hardware(name: str) -> None:
    """
    Checks the name of hardware.

    Raises:
        ValueError: If Spaces have no such hardware. The message lists what there is.
    """
    names = [each.value for each in SpaceHardware]
    if name not in names:
        raise ValueError(f"Spaces have no hardware {name!r}, only {', '.join(names)}.")


def _model_type(api: HfApi, name: str, commit: str) -> str | None:
    with TemporaryDirectory() as folder:
        path = Path(api.hf_hub_download(name, CONFIG, revision=commit, local_dir=folder))
        try:
            return json.loads(path.read_text(encoding="utf-8")).get("model_type")
        except (ValueError, AttributeError):  # not JSON, or not an object
            return None
