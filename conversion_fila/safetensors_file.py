"""
safetensors files, piece by piece: where each tensor of a file lies, and writing one whose tensors come in any order.
"""

import json
import struct
from collections.abc import Iterable, Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open


DTYPE_NAMES = {torch.float64: "F64", torch.float32: "F32", torch.bfloat16: "BF16", torch.float16: "F16"}


class SafetensorsWriter:
    """
    A safetensors file, byte for byte as `safetensors.torch.save_file` writes it, whose tensors come in any order and
    in blocks of rows.

    Args:
        path: the file.
        shapes: shape and dtype of every tensor of the file.
    """

    def __init__(self, path: Path, shapes: Mapping[str, tuple[torch.Size, torch.dtype]]):
        self._shapes = dict(shapes)
        header, self._offsets = _header(self._shapes)
        self._file = path.open("xb")
        self._file.write(header)

    def write(self, name: str, blocks: Iterable[torch.Tensor]) -> None:
        """
        Writes a tensor, given as tensors whose elements follow each other.

        Raises:
            `ValueError`: if they have another number of elements than the tensor.
        """
        shape, dtype = self._shapes[name]
        self._file.seek(self._offsets[name])
        written = 0
        for block in blocks:
            written += self._file.write(bytes_of(block.to(dtype)))
        if written != shape.numel() * dtype.itemsize:
            raise ValueError(f"{name}: {written} bytes came, {tuple(shape)} of {dtype} has another number.")

    def close(self) -> None:
        self._file.close()


def _header(shapes: Mapping[str, tuple[torch.Size, torch.dtype]]) -> tuple[bytes, dict[str, int]]:
    """The file's header, and the place of each tensor in the file."""
    # Wide dtypes first, so that every tensor is aligned.
    names = sorted(shapes, key=lambda name: (-shapes[name][1].itemsize, DTYPE_NAMES[shapes[name][1]], name))
    entries: dict[str, object] = {"__metadata__": {"format": "pt"}}
    offsets, end = {}, 0
    for name in names:
        shape, dtype = shapes[name]
        offsets[name], end = end, end + shape.numel() * dtype.itemsize
        entries[name] = {
            "dtype": DTYPE_NAMES[dtype],
            "shape": list(shape),
            "data_offsets": [offsets[name], end],
        }
    text = json.dumps(entries, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    start = 8 + len(text)
    return struct.pack("<Q", len(text)) + text, {name: start + offset for name, offset in offsets.items()}


def read_header(path: Path) -> dict[str, tuple[int, list[int], str]]:
    """
    For each tensor of a file its first byte, its shape, and the name of its dtype.

    Raises:
        `OSError`: if the file is damaged, or is no safetensors file.
    """
    try:
        # safetensors checks that the header is sound and that the tensors fill the file.
        with safe_open(path, framework="pt"):
            pass
    except SafetensorError as error:
        raise OSError(f"{path} is damaged, or is no safetensors file: {error}") from error
    with path.open("rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
    header.pop("__metadata__", None)
    return {
        name: (8 + length + entry["data_offsets"][0], entry["shape"], entry["dtype"]) for name, entry in header.items()
    }


def bytes_of(tensor: torch.Tensor) -> memoryview:
    """The memory of a contiguous tensor, or of a contiguous copy."""
    # Little-endian, as the format wants and as every machine is that PyTorch runs on.
    return memoryview(tensor.contiguous().reshape(-1).view(torch.uint8).numpy())
