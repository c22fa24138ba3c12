"""Writing weights as safetensors, shard by shard, without holding the model."""

import json
from collections.abc import Iterator
from pathlib import Path

import torch
from safetensors.torch import save_file
from transformers.utils import logging


Shapes = dict[str, tuple[torch.Size, torch.dtype]]


def plan_shards(shapes: Shapes, max_shard_bytes: int) -> list[list[str]]:
    """Names of tensors, in order, in groups of at most `max_shard_bytes`; a tensor larger than that stands alone."""
    shards: list[list[str]] = [[]]
    filled = 0
    for name, (shape, dtype) in shapes.items():
        size = shape.numel() * dtype.itemsize
        if shards[-1] and filled + size > max_shard_bytes:
            shards.append([])
            filled = 0
        shards[-1].append(name)
        filled += size
    return shards


def write_shards(
    folder: Path, tensors: Iterator[tuple[str, torch.Tensor]], shapes: Shapes, max_shard_bytes: int
) -> None:
    """
    Writes `model.safetensors`, or `model-00001-of-0000N.safetensors` and their index.

    Args:
        folder: where to.
        tensors: pairs of name and tensor, in any order that finishes one shard before long; each is let go when its
            shard is written.
        shapes: shape and dtype of every tensor that will come.

    Raises:
        `ValueError`: if a tensor comes that is not in `shapes` or is not of that shape, or one does not come.
    """
    shards = plan_shards(shapes, max_shard_bytes)
    files = _file_names(len(shards))
    file_of = {name: file for file, names in zip(files, shards, strict=True) for name in names}
    missing = {file: set(names) for file, names in zip(files, shards, strict=True)}
    pending: dict[str, dict[str, torch.Tensor]] = {file: {} for file in files}
    for name, tensor in logging.tqdm(tensors, total=len(shapes), desc="Writing weights", unit="tensor"):
        if name not in file_of or tensor.shape != shapes[name][0]:
            raise ValueError(f"{name} of shape {tuple(tensor.shape)} does not fit the model.")
        file = file_of[name]
        pending[file][name] = tensor.to(shapes[name][1]).contiguous()
        missing[file].discard(name)
        if not missing[file]:
            save_file(pending.pop(file), folder / file, metadata={"format": "pt"})
    unwritten = sorted(name for names in missing.values() for name in names)
    if unwritten:
        raise ValueError(f"{len(unwritten)} weights are missing: {', '.join(unwritten)}.")
    if len(files) > 1:
        _write_index(folder, file_of, shapes)


def _file_names(count: int) -> list[str]:
    if count == 1:
        return ["model.safetensors"]
    return [f"model-{number:05d}-of-{count:05d}.safetensors" for number in range(1, count + 1)]


def _write_index(folder: Path, file_of: dict[str, str], shapes: Shapes) -> None:
    total = sum(shape.numel() * dtype.itemsize for shape, dtype in shapes.values())
    index = {"metadata": {"total_size": total}, "weight_map": file_of}
    text = json.dumps(index, indent=2, sort_keys=True) + "\n"
    (folder / "model.safetensors.index.json").write_text(text, encoding="utf-8")
