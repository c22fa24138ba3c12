"""fila-video info: what a bug report needs."""

import platform
import shutil
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Annotated, Any

import typer

import fila_video

from .show import print_document, say


PACKAGES = (
    "torch", "torchvision", "transformers", "tokenizers", "huggingface_hub", "safetensors", "accelerate", "av", "numpy",
    "pillow", "optimum", "optimum-quanto", "peft", "datasets", "vllm", "onnxruntime", "typer", "rich",
)  # fmt: skip
CODECS = ("h264", "hevc", "vp8", "vp9", "av1", "mpeg2video", "mpeg4", "prores", "mjpeg", "gif")
NOT_INSTALLED = "not installed"


def info(
    json: Annotated[bool, typer.Option("--json", metavar="", help="Print the same as one JSON document.")] = False,
) -> None:
    """Show versions, devices, video decoders and folders, for a bug report."""
    found = collect()
    if json:
        print_document(found)
        return
    for title, values in found.items():
        say(title.capitalize(), style="bold")
        width = max(map(len, values), default=0)
        for name, value in values.items():
            say(f"  {name.ljust(width)}  {_as_text(value)}")


def collect() -> dict[str, dict[str, Any]]:
    """Returns all sections. What cannot be found out is said in place of the value; nothing raises an error."""
    sections = {
        "versions": _versions,
        "devices": _devices,
        "decoders": _decoders,
        "memory": _memory,
        "folders": _folders,
    }
    return {name: _or_reason(find) for name, find in sections.items()}


def _or_reason(find: Any) -> dict[str, Any]:
    try:
        return find()
    except ImportError as error:
        return {"unknown": f"{error.name} is {NOT_INSTALLED}"}
    except Exception as error:  # a broken installation is what the report is about
        return {"unknown": f"{type(error).__name__}: {error}"}


def _as_text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _versions() -> dict[str, Any]:
    installed = {name: _version_of(name) for name in PACKAGES}
    return {
        "fila-video": fila_video.__version__,
        "python": f"{platform.python_version()} ({sys.executable})",
        "system": platform.platform(),
        **installed,
        **_or_reason(_ffmpeg_versions),
    }


def _version_of(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return NOT_INSTALLED


def _ffmpeg_versions() -> dict[str, str]:
    import av

    return {name: ".".join(map(str, number)) for name, number in av.library_versions.items()}


def _devices() -> dict[str, Any]:
    import torch

    capability = torch.backends.cpu.get_cpu_capability()
    devices = {"cpu": f"{platform.machine()} with {capability}, {torch.get_num_threads()} threads, {_dtypes('cpu')}"}
    for index in range(torch.cuda.device_count()):
        name = f"cuda:{index}"
        properties = torch.cuda.get_device_properties(index)
        devices[name] = f"{properties.name}, {_gibibytes(properties.total_memory)}, {_dtypes(name)}"
    if torch.backends.mps.is_available():
        devices["mps"] = _dtypes("mps")
    return {**devices, "cuda of torch": torch.version.cuda or "none", "cuda is available": torch.cuda.is_available()}


def _dtypes(device: str) -> str:
    """The number formats in which a device can multiply matrices."""
    import torch

    works = []
    for name in ("float32", "bfloat16", "float16"):
        matrix = torch.ones(2, 2, dtype=getattr(torch, name), device=device)
        try:
            torch.mm(matrix, matrix)
            works.append(name)
        except RuntimeError:
            pass
    return " ".join(works)


def _decoders() -> dict[str, Any]:
    import av

    def name_of(codec: str) -> str:
        try:
            return av.codec.Codec(codec, "r").name
        except ValueError:
            return "none"

    return {codec: name_of(codec) for codec in CODECS}


def _memory() -> dict[str, Any]:
    import psutil

    memory = psutil.virtual_memory()
    return {"total": _gibibytes(memory.total), "available": _gibibytes(memory.available)}


def _folders() -> dict[str, Any]:
    from huggingface_hub import constants

    from .converted_models import cache_folder

    converted = cache_folder()
    models = sorted(path.name for path in converted.iterdir()) if converted.is_dir() else []
    return {
        "package": str(Path(fila_video.__file__).parent),
        "models from the Hub": constants.HF_HUB_CACHE,
        "converted models": str(converted),
        "converted": [name for name in models if not name.startswith(".")] or "none",
        "free space": _gibibytes(shutil.disk_usage(_existing(converted)).free),
        "offline": constants.HF_HUB_OFFLINE,
    }


def _existing(folder: Path) -> Path:
    """The folder, or the first one above it that exists."""
    return next(path for path in (folder, *folder.parents) if path.exists())


def _gibibytes(num_bytes: int) -> str:
    return f"{num_bytes / 2**30:.1f} GiB"
