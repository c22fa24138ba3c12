"""The files of a checkpoint: its configuration, and what tensors it holds, without reading them."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from .errors import ConversionError, listing
from .safetensors_file import read_header
from .weights import PickledWeight, StoredWeight


STORED_DTYPES = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "I64": torch.int64,
    "I32": torch.int32,
}
SHARD = re.compile(r"(pytorch_)?model-\d+-of-\d+\.(safetensors|bin)")


@dataclass(frozen=True)
class SourceFiles:
    """
    A checkpoint of whatever format.

    Args:
        name: as the user calls it: a folder or Hub id.
        folder: where its files are.
        config: its `config.json`.
        weights: its tensors by name, not read yet.
    """

    name: str
    folder: Path
    config: dict[str, Any]
    weights: dict[str, StoredWeight | PickledWeight]

    @property
    def is_local(self) -> bool:
        return Path(self.name).is_dir()


def open_source(name: str, folder: Path, *, allow_pickle: bool = False) -> SourceFiles:
    """
    Reads `config.json` and the headers of the weights' files.

    Raises:
        `OSError`: if a file is missing or damaged; the message names it.
        [`ConversionError`]: if files and index contradict each other, or weights are pickled and may not be.
    """
    return SourceFiles(name, folder, read_json(folder / "config.json"), _find_weights(folder, allow_pickle))


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object from a file. Raises `OSError`, naming the file, if there is none or it holds something else."""
    if not path.is_file():
        raise OSError(f"{path.parent} has no {path.name}.")
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise OSError(f"{path} is no JSON: {error}") from error
    if not isinstance(value, dict):
        raise OSError(f"{path} holds a {type(value).__name__}, not an object.")
    return value


def _find_weights(folder: Path, allow_pickle: bool) -> dict[str, StoredWeight | PickledWeight]:
    if (folder / "model.safetensors.index.json").exists() or any(folder.glob("*.safetensors")):
        return _read_files(folder, "model.safetensors", _read_safetensors)
    pickles = sorted(path.name for path in folder.glob("*.bin"))
    if not pickles:
        raise OSError(f"{folder} has no weights: neither model.safetensors nor its index.")
    if not allow_pickle:
        raise ConversionError(
            f"The weights in {folder} are pickled ({', '.join(pickles)}), and reading a pickle can run code. "
            "--allow-pickle reads them through torch's weights_only, which refuses everything but tensors."
        )
    return _read_files(folder, "pytorch_model.bin", _read_pickle)


def _read_files(folder: Path, whole: str, read: Callable[[Path], dict]) -> dict:
    """All tensors of `whole`, or of the files that its index names."""
    index_path = folder / f"{whole}.index.json"
    if not index_path.exists():
        if not (folder / whole).exists():
            found = sorted(path.name for path in folder.glob(f"*{Path(whole).suffix}"))
            raise OSError(f"{folder} has {', '.join(found)}, but neither {whole} nor {index_path.name}.")
        return read(folder / whole)
    weight_map = read_json(index_path).get("weight_map")
    if not isinstance(weight_map, dict) or not weight_map:
        raise OSError(f"{index_path} has no weight_map.")
    _check_files(folder, index_path, set(weight_map.values()))
    tensors = {}
    for file in sorted(set(weight_map.values())):
        found = read(folder / file)
        _check_index(index_path, file, {name for name in weight_map if weight_map[name] == file}, set(found))
        tensors.update(found)
    return tensors


def _check_files(folder: Path, index_path: Path, files: set[str]) -> None:
    """The index names plain files that are there, and every shard that is there."""
    outside = sorted(str(file) for file in files if not isinstance(file, str) or Path(file).name != file)
    if outside:
        raise OSError(f"{index_path} names {', '.join(outside)}, which is no file of its folder.")
    absent = sorted(file for file in files if not (folder / file).is_file())
    if absent:
        raise OSError(f"{index_path} names {', '.join(absent)}, which {folder} does not have.")
    suffix = Path(index_path.name.removesuffix(".index.json")).suffix
    shards = {path.name for path in folder.glob(f"*{suffix}") if SHARD.fullmatch(path.name)}
    if shards - files:
        raise OSError(f"{folder} has {', '.join(sorted(shards - files))}, which {index_path} does not name.")


def _check_index(index_path: Path, file: str, listed: set[str], found: set[str]) -> None:
    if listed == found:
        return
    raise ConversionError(
        f"{index_path} and {file} contradict each other."
        + listing("in the index, but not in the file", sorted(listed - found))
        + listing("in the file, but not in the index", sorted(found - listed))
    )


def _read_safetensors(path: Path) -> dict[str, StoredWeight]:
    weights = {}
    for name, (offset, shape, dtype) in read_header(path).items():
        if dtype not in STORED_DTYPES:
            raise ConversionError(f"{name} in {path} is stored as {dtype}: quantised checkpoints are not converted.")
        weights[name] = StoredWeight(name, path, offset, torch.Size(shape), STORED_DTYPES[dtype])
    return weights


def _read_pickle(path: Path) -> dict[str, PickledWeight]:
    try:
        state = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except Exception as error:  # torch raises whatever the bytes lead to
        raise OSError(f"{path} cannot be read through weights_only: {error}") from error
    if not isinstance(state, dict) or not all(isinstance(tensor, torch.Tensor) for tensor in state.values()):
        raise OSError(f"{path} holds something else than tensors by name.")
    return {name: PickledWeight(name, path, tensor.shape, tensor.dtype) for name, tensor in state.items()}
