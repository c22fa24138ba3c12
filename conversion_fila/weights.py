"""Where a weight of the new checkpoint comes from: each has shape and dtype at once, and its values block by block."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import torch

from .safetensors_file import bytes_of


# What of a tensor is in memory at once. It stays in the processor's cache: up to four times as fast as by a megabyte.
BLOCK_BYTES = 512 * 1024


class Weight(Protocol):
    """A weight that is not read before it is asked for."""

    shape: torch.Size
    dtype: torch.dtype

    @property
    def origin(self) -> str:
        """Where it comes from, for the key map."""

    def blocks(self) -> Iterator[torch.Tensor]:
        """Its values, as tensors of consecutive rows. Each may be overwritten by the next."""


@dataclass(frozen=True)
class StoredWeight:
    """A tensor of a safetensors file, which starts at byte `offset`."""

    name: str
    file: Path
    offset: int
    shape: torch.Size
    dtype: torch.dtype

    @property
    def origin(self) -> str:
        return f"{self.name} ({self.file.name})"

    def blocks(self) -> Iterator[torch.Tensor]:
        num_rows, *row = self.shape or [1]
        buffer = torch.empty([min(num_rows, rows_per_block(self.shape, self.dtype)), *row], dtype=self.dtype)
        # Read, not mapped: what was touched of a mapped file counts as memory until it is closed.
        with self.file.open("rb", buffering=0) as file:
            file.seek(self.offset)
            for start in range(0, num_rows, len(buffer) or 1):
                if start + len(buffer) > num_rows:
                    buffer = buffer[: num_rows - start]
                if file.readinto(bytes_of(buffer)) != buffer.nbytes:
                    raise OSError(f"{self.file} ends in the middle of {self.name}.")
                yield buffer


@dataclass(frozen=True)
class PickledWeight:
    """A tensor of a `.bin` file that `torch.save` wrote."""

    name: str
    file: Path
    shape: torch.Size
    dtype: torch.dtype

    @property
    def origin(self) -> str:
        return f"{self.name} ({self.file.name})"

    def blocks(self) -> Iterator[torch.Tensor]:
        yield torch.load(self.file, map_location="cpu", weights_only=True, mmap=True)[self.name]


@dataclass(frozen=True)
class FreshWeight:
    """A weight that is initialised here."""

    values: torch.Tensor
    origin: str

    @property
    def shape(self) -> torch.Size:
        return self.values.shape

    @property
    def dtype(self) -> torch.dtype:
        return self.values.dtype

    def blocks(self) -> Iterator[torch.Tensor]:
        yield self.values


@dataclass(frozen=True)
class GrownWeight:
    """Embeddings `(rows, width)` with more rows: new tokens start as the mean of the old ones."""

    weight: Weight
    num_rows: int

    @property
    def shape(self) -> torch.Size:
        return torch.Size([self.num_rows, *self.weight.shape[1:]])

    @property
    def dtype(self) -> torch.dtype:
        return self.weight.dtype

    @property
    def origin(self) -> str:
        return f"{self.weight.origin}, rows {self.weight.shape[0]} -> {self.num_rows}, new rows the mean of the old"

    def blocks(self) -> Iterator[torch.Tensor]:
        total = torch.zeros(self.shape[1:], dtype=torch.float64)
        for block in self.weight.blocks():
            total += block.sum(dim=0, dtype=torch.float64)
            yield block
        mean = (total / self.weight.shape[0]).to(self.dtype)
        yield mean.expand(self.num_rows - self.weight.shape[0], -1)


def rows_per_block(shape: torch.Size, dtype: torch.dtype) -> int:
    """Rows of a tensor that fit into `BLOCK_BYTES`, at least one."""
    return max(1, BLOCK_BYTES // max(1, shape[1:].numel() * dtype.itemsize))


def read_whole(weight: Weight) -> torch.Tensor:
    """All values of a weight, in memory."""
    values = torch.empty(weight.shape.numel(), dtype=weight.dtype)
    start = 0
    for block in weight.blocks():
        values[start : start + block.numel()] = block.reshape(-1)
        start += block.numel()
    return values.view(weight.shape)


def are_equal(one: Weight, other: Weight) -> bool:
    """Whether two weights have the same shape and values; a block of each is in memory."""
    if one.shape != other.shape:
        return False
    return all(torch.equal(a, b) for a, b in zip(one.blocks(), other.blocks(), strict=True))
