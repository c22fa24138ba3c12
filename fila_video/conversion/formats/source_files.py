"""The files of a checkpoint: its configuration, and which tensors it has. The values are not read yet."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open

from ..errors import ConversionError, listing
from ..weights.weight import PickledWeight, SafetensorsWeight, Weight


STORED_DTYPES = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "I64": torch.int64,
    "I32": torch.int32,
}
# Keys by which a JSON file of a checkpoint names code that transformers downloads or runs.
CODE_KEYS = {"auto_map", "custom_pipelines", "custom_generate", "_auto_class"}
# Counts in a configuration from which transformers builds lists. Each layer and each label has weights.
COUNTS = ("num_hidden_layers", "num_labels")
SHARD = re.compile(r"(pytorch_)?model-\d+-of-\d+\.(safetensors|bin)")

Weights = Mapping[str, Weight]


@dataclass(frozen=True)
class SourceFiles:
    """
    A checkpoint of any format.

    Args:
        name: Folder or Hub id, as the user gave it.
        folder: Folder of the files.
        config: Content of `config.json`.
        weights: The tensors by their names.
    """

    name: str
    folder: Path
    config: dict[str, Any]
    weights: Weights

    @property
    def is_local(self) -> bool:
        """Whether the user gave a folder, and not a Hub id."""
        return Path(self.name).is_dir()


def open_source(name: str, folder: Path, *, allow_pickle: bool = False) -> SourceFiles:
    """
    Reads `config.json` and the headers of the files of weights.

    Args:
        name: Folder or Hub id, as the user gave it.
        folder: Folder of the files.
        allow_pickle: Whether `.bin` files may be read.

    Raises:
        OSError: If a file is missing or damaged. The message names it.
        ConversionError: If files and index contradict each other, or if the weights are pickled and this is not
            allowed.
    """
    _check_files_are_regular(folder)
    config, weights = without_code(read_json(folder / "config.json")), _find_weights(folder, allow_pickle)
    _check_config(name, config, len(weights))
    return SourceFiles(name, folder, config, weights)


def without_code(value: Any) -> Any:
    """Returns a JSON value without the keys that name code, at any depth. The code of a source never runs."""
    if isinstance(value, dict):
        return {key: without_code(item) for key, item in value.items() if key not in CODE_KEYS}
    return [without_code(item) for item in value] if isinstance(value, list) else value


def read_json(path: Path) -> dict[str, Any]:
    """
    Reads a JSON object from a file.

    Raises:
        OSError: If there is no such file, or if it does not hold a JSON object. The message names the file.
    """
    if not path.is_file():
        raise OSError(f"{path.parent} has no {path.name}.")
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise OSError(f"{path} is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise OSError(f"{path} holds a {type(value).__name__}, not an object.")
    return value


def _check_files_are_regular(folder: Path) -> None:
    """Refuses pipes and devices. Opening a pipe blocks forever, and a device has no end."""
    for path in sorted([*folder.glob("*"), *folder.glob("*/*")]):
        if path.exists() and not path.is_file() and not path.is_dir():
            raise OSError(f"{path} is not a regular file.")


def _check_config(name: str, config: dict[str, Any], num_tensors: int) -> None:
    """Checks the values that would let transformers load another library, or build lists of any length."""
    for part in _objects(config):
        if part.get("quantization_config") is not None:
            raise ConversionError(
                f"quantization_config={str(part['quantization_config'])[:80]} in {name}: quantized checkpoints cannot "
                "be converted."
            )
        for field in COUNTS:
            if isinstance(part.get(field), int | float) and part[field] > num_tensors:
                raise ConversionError(f"{field}={part[field]} in {name} is impossible: it has {num_tensors} tensors.")


def _objects(value: Any) -> Iterator[dict[str, Any]]:
    """Yields a JSON value and all that it contains, if they are objects."""
    if isinstance(value, dict):
        yield value
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _objects(item)


def _find_weights(folder: Path, allow_pickle: bool) -> Weights:
    if (folder / "model.safetensors.index.json").exists() or any(folder.glob("*.safetensors")):
        return _read_files(folder, "model.safetensors", _read_safetensors)
    pickles = sorted(path.name for path in folder.glob("*.bin"))
    if not pickles:
        raise OSError(f"{folder} has no weights: it has neither model.safetensors nor its index.")
    if not allow_pickle:
        raise ConversionError(
            f"The weights in {folder} are pickled ({', '.join(pickles)}), and reading a pickle can run code. "
            "--allow-pickle reads them with torch's weights_only, which accepts only tensors."
        )
    return _read_files(folder, "pytorch_model.bin", _read_pickle)


def _read_files(folder: Path, single_file: str, read: Callable[[Path], Weights]) -> Weights:
    """
    Finds all tensors of a folder.

    Args:
        folder: Folder of the files.
        single_file: Name of the file if there is only one. The name of the index follows from it.
        read: Finds the tensors of one file.
    """
    index_path = folder / f"{single_file}.index.json"
    if not index_path.exists():
        if not (folder / single_file).is_file():
            others = sorted(path.name for path in folder.glob(f"*{Path(single_file).suffix}"))
            raise OSError(f"{folder} has {', '.join(others)}, but neither {single_file} nor {index_path.name}.")
        return read(folder / single_file)
    weight_map = read_json(index_path).get("weight_map")
    if not isinstance(weight_map, dict) or not weight_map:
        raise OSError(f"{index_path} has no weight_map.")
    _check_files(folder, index_path, set(weight_map.values()))
    weights: dict[str, Weight] = {}
    for file in sorted(set(weight_map.values())):
        found = read(folder / file)
        _check_index(index_path, file, {name for name in weight_map if weight_map[name] == file}, set(found))
        weights.update(found)
    return weights


def _check_files(folder: Path, index_path: Path, files: set[str]) -> None:
    """Checks that the index names only files of this folder that exist, and all shards that exist."""
    outside = sorted(str(file) for file in files if not isinstance(file, str) or Path(file).name != file)
    if outside:
        raise OSError(f"{index_path} names {', '.join(outside)}, which is not a file of its folder.")
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
        f"{index_path} and {file} contradict each other.",
        listing("in the index, but not in the file", sorted(listed - found))
        + listing("in the file, but not in the index", sorted(found - listed)),
    )


def _read_safetensors(path: Path) -> dict[str, SafetensorsWeight]:
    weights = {}
    try:
        # Opening a file checks that its header is sound and that its tensors fill the file.
        with safe_open(path, framework="pt") as file:
            for name in file.keys():
                header = file.get_slice(name)
                dtype = _stored_dtype(name, path, header.get_dtype())
                weights[name] = SafetensorsWeight(name, path, torch.Size(header.get_shape()), dtype)
    except SafetensorError as error:
        raise OSError(f"{path} is damaged or is not a safetensors file: {error}") from error
    return weights


def _stored_dtype(name: str, path: Path, dtype: str) -> torch.dtype:
    if dtype not in STORED_DTYPES:
        raise ConversionError(f"{name} in {path} is stored as {dtype}: quantized checkpoints cannot be converted.")
    return STORED_DTYPES[dtype]


def _read_pickle(path: Path) -> dict[str, PickledWeight]:
    try:
        state = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except Exception as error:  # Which exception torch raises depends on the content of the file.
        raise OSError(f"{path} cannot be read with weights_only: {error}") from error
    if not isinstance(state, dict) or not all(isinstance(tensor, torch.Tensor) for tensor in state.values()):
        raise OSError(f"{path} does not hold a dictionary of tensors.")
    return {name: PickledWeight(name, path, tensor.shape, tensor.dtype) for name, tensor in state.items()}
