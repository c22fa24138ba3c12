"""Writing weights as safetensors, shard by shard, without holding the model."""

import json
from collections.abc import Iterable
from pathlib import Path

import torch
from transformers.utils import logging

from .safetensors_file import SafetensorsWriter


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
    folder: Path,
    tensors: Iterable[tuple[str, Iterable[torch.Tensor]]],
    shapes: Shapes,
    max_shard_bytes: int,
) -> None:
    """
    Writes `model.safetensors`, or `model-00001-of-0000N.safetensors` and their index. What is in memory is a block.

    Args:
        folder: where to.
        tensors: pairs of name and tensor, in any order; a tensor as blocks of rows, or as itself in a list.
        shapes: shape and dtype of every tensor that will come.

    Raises:
        `ValueError`: if a tensor comes that is not in `shapes` or is not of that size, or one does not come.
    """
    shards = plan_shards(shapes, max_shard_bytes)
    files = _file_names(len(shards))
    file_of = {name: file for file, names in zip(files, shards, strict=True) for name in names}
    writers: dict[str, SafetensorsWriter] = {}
    written = set()
    try:
        for name, blocks in logging.tqdm(tensors, total=len(shapes), desc="Writing weights", unit="tensor"):
            if name not in file_of:
                raise ValueError(f"{name} is no weight of the model.")
            file = file_of[name]
            if file not in writers:
                names = shards[files.index(file)]
                writers[file] = SafetensorsWriter(folder / file, {each: shapes[each] for each in names})
            writers[file].write(name, blocks)
            written.add(name)
    finally:
        for writer in writers.values():
            writer.close()
    unwritten = sorted(shapes.keys() - written)
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
