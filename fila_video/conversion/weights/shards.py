"""Writes weights as safetensors files, with one shard in memory at a time."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

import torch
from huggingface_hub import StateDictSplit, split_torch_state_dict_into_shards
from safetensors import SafetensorError
from safetensors.torch import save_file
from transformers.utils import logging


# Largest file of weights in bytes, unless the user asks for another size. Memory follows it.
DEFAULT_MAX_SHARD_BYTES = 2 * 10**9

Shapes = Mapping[str, tuple[torch.Size, torch.dtype]]


def write_shards(
    folder: Path, tensors: Iterable[tuple[str, torch.Tensor]], shapes: Shapes, max_shard_bytes: int
) -> None:
    """
    Writes `model.safetensors`, or `model-00001-of-0000N.safetensors` and so on with their index.

    A shard is written and released as soon as its last tensor has come. If the tensors come in the order of `shapes`,
    memory holds one shard, and one tensor if that is larger than a shard.

    Args:
        folder: Folder to write into.
        tensors: Pairs of name and tensor. They may come in any order, and are written in the dtype that `shapes` names.
        shapes: Shape and dtype of every tensor that must come.
        max_shard_bytes: Largest size of a file in bytes. A larger tensor gets a file of its own.

    Raises:
        ValueError: If a tensor comes that is not in `shapes` or has another shape, or if one does not come.
        OSError: If a file cannot be written.
    """
    split = split_into_shards(shapes, max_shard_bytes)
    unwritten: dict[str, dict[str, torch.Tensor]] = {file: {} for file in split.filename_to_tensors}
    with logging.tqdm(total=len(shapes), desc="Writing weights", unit="tensor", delay=1) as progress:
        for name, tensor in tensors:
            _check_tensor(name, tensor, shapes)
            file = split.tensor_to_filename[name]
            unwritten[file][name] = tensor.to(shapes[name][1]).contiguous()
            del tensor  # Otherwise it would stay in memory while the next one is read.
            if len(unwritten[file]) == len(split.filename_to_tensors[file]):
                _save_shard(folder / file, unwritten.pop(file))
            progress.update()
    if unwritten:
        missing = sorted(
            name for file, held in unwritten.items() for name in set(split.filename_to_tensors[file]) - set(held)
        )
        raise ValueError(f"{len(missing)} weights are missing: {', '.join(missing)}.")
    if split.is_sharded:
        _write_index(folder, split)


def split_into_shards(shapes: Shapes, max_shard_bytes: int) -> StateDictSplit:
    """Decides which tensor goes into which file."""
    without_memory = {name: torch.empty(shape, dtype=dtype, device="meta") for name, (shape, dtype) in shapes.items()}
    return split_torch_state_dict_into_shards(without_memory, max_shard_size=max_shard_bytes)


def _check_tensor(name: str, tensor: torch.Tensor, shapes: Shapes) -> None:
    if name not in shapes:
        raise ValueError(f"{name} is not a weight of the model.")
    if tensor.shape != shapes[name][0]:
        raise ValueError(f"{name} has the shape {tuple(tensor.shape)}, but the model needs {tuple(shapes[name][0])}.")


def _save_shard(path: Path, tensors: dict[str, torch.Tensor]) -> None:
    try:
        save_file(tensors, path, metadata={"format": "pt"})
    except SafetensorError as error:
        raise OSError(f"{path} cannot be written: {error}") from error


def _write_index(folder: Path, split: StateDictSplit) -> None:
    index = {"metadata": split.metadata, "weight_map": split.tensor_to_filename}
    text = json.dumps(index, indent=2, sort_keys=True) + "\n"
    (folder / "model.safetensors.index.json").write_text(text, encoding="utf-8")
