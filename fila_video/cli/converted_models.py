"""Models of other formats, converted once and kept in the user's cache."""

import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer
from filelock import FileLock, Timeout
from huggingface_hub import HfApi, constants
from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled

from fila_video.common.files import sha256_of
from fila_video.common.hub_errors import connection_errors

from .show import download_bars, note, printable, silence_transformers, waiting
from .usage import BadUsage


# Part of each key: raise it when the conversion changes, so that models are converted anew.
CONVERSION_VERSION = 1
WEIGHTS = "*.safetensors"


@dataclass(frozen=True)
class Source:
    """
    A model to convert.

    Attributes:
        name: Folder or Hub id, as the user wrote it.
        folder: Folder of its files; for a Hub id, the folder of the commit in the cache of the Hub.
        commit: Commit on the Hub; None for a folder.
    """

    name: str
    folder: Path
    commit: str | None = None

    def key(self) -> str:
        """Name of the folder of the converted model. It changes when the source changes."""
        if self.commit is not None:
            state: Any = {"id": self.name, "commit": self.commit}
        else:
            folder = self.folder.resolve()
            files = [(path.name, path.stat()) for path in sorted(folder.iterdir()) if path.is_file()]
            state = {
                "folder": str(folder),
                "config": (folder / "config.json").read_text(encoding="utf-8"),
                "files": [[name, stat.st_size, stat.st_mtime_ns] for name, stat in files],
            }
        digest = sha256_of({"version": CONVERSION_VERSION, **state})[:12]
        name = self.name if self.commit is not None else self.folder.resolve().name
        return f"{name.replace('/', '--')}-{digest}"


def cache_folder() -> Path:
    """Returns the folder of converted models: `fila-video/converted` in the cache of Hugging Face (`HF_HOME`)."""
    return Path(constants.HF_HOME) / "fila-video" / "converted"


def converted(program: str, source: Source, *, yes: bool) -> Path:
    """
    Returns the folder of the converted model. If the cache does not have it, the model is converted now.

    Args:
        program: Name of the command, for notices.
        source: The model.
        yes: Whether to convert without asking.

    Raises:
        BadUsage: If nobody can be asked.
        Exit: If the user declines.
        OSError: If there is too little space, or a file is missing or damaged.
        ValueError: If the model cannot be converted.
    """
    output = cache_folder() / source.key()
    if output.is_dir():
        return output
    download_bytes, written_bytes = _sizes(source)
    _confirm(source, download_bytes, written_bytes, yes=yes)
    output.parent.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(output.parent).free
    if written_bytes is not None and free < written_bytes:
        raise OSError(f"{output.parent} has {_size(free)} of free space, and the model takes {_size(written_bytes)}.")
    with _only_one_process(program, output):
        if not output.is_dir():  # another process may have converted it meanwhile
            note(program, f"Converted {source.name}. {_convert(source, output)}. The model is kept in {output}")
    return output


def _sizes(source: Source) -> tuple[int, int | None]:
    """Bytes that have to be downloaded, and bytes of the converted model if they are known."""
    here = sum(path.stat().st_size for path in source.folder.glob(WEIGHTS))
    if source.commit is None:
        return 0, here
    try:
        with connection_errors():
            info = HfApi().model_info(source.name, revision=source.commit, files_metadata=True)
    except (HfHubHTTPError, OfflineModeIsEnabled, OSError):  # without a network, the cache has to have all
        return 0, here or None
    sizes = [file.size for file in info.siblings or [] if file.rfilename.endswith(WEIGHTS[1:])]
    if None in sizes:
        return 0, here or None
    total = sum(size for size in sizes if size)
    return max(total - here, 0), total


def _can_ask() -> bool:
    return sys.stdin.isatty() and sys.stderr.isatty()


def _confirm(source: Source, download_bytes: int, written_bytes: int | None, *, yes: bool) -> None:
    size = "some gigabytes" if written_bytes is None else _size(written_bytes)
    download = f"downloads {_size(download_bytes)} and " if download_bytes else ""
    plan = f"{source.name} has to be converted once. This {download}writes {size} to {cache_folder()}"
    if yes:
        return
    if not _can_ask():
        raise BadUsage(f"{plan}. Add --yes to agree.")
    print(f"{printable(plan)}.\nConvert it now? [Y/n] ", end="", file=sys.stderr, flush=True)
    answer = sys.stdin.readline()
    if not answer:  # Ctrl-D
        raise typer.Abort
    if answer.strip().lower() not in ("", "y", "yes"):
        raise typer.Exit(1)


@contextmanager
def _only_one_process(program: str, output: Path) -> Iterator[None]:
    """Waits until no other process converts the same model."""
    lock = FileLock(output.with_name(f".{output.name}.lock"))
    try:
        lock.acquire(blocking=False)
    except Timeout:
        note(program, "Another process converts this model now. Waiting for it.")
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _convert(source: Source, output: Path) -> str:
    """Returns the comparison with the source, in words."""
    with download_bars() if source.commit is not None else waiting("Converting the model"):
        silence_transformers()
        from fila_video.conversion import ConversionOptions, plan_conversion, write_conversion

        plan = plan_conversion(source.name, ConversionOptions(revision=source.commit))
    with waiting("Converting the model"):
        parity = write_conversion(plan, output)  # the folder gets its name only when it is complete
    return str(parity).rstrip(".")


def _size(num_bytes: int) -> str:
    """`1.8 GB`, `12 MB`, `340 kB`."""
    for unit, size in (("GB", 10**9), ("MB", 10**6)):
        if num_bytes >= size:
            number = num_bytes / size
            return f"{number:.1f} {unit}" if number < 10 else f"{number:.0f} {unit}"
    return f"{max(num_bytes / 1000, 1):.0f} kB"
