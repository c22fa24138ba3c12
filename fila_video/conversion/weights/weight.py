"""Where a weight of the new checkpoint comes from. Shape and dtype are known at once; values are read when needed."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import torch
from safetensors import SafetensorError, safe_open


class Weight(Protocol):
    """A weight whose values are not in memory until `read` is called."""

    @property
    def shape(self) -> torch.Size: ...

    @property
    def dtype(self) -> torch.dtype: ...

    @property
    def origin(self) -> str:
        """Where the weight comes from, for the key map."""
        ...

    def read(self) -> torch.Tensor:
        """Returns the values."""
        ...


@dataclass(frozen=True)
class StoredWeight:
    """A tensor in a file of the source. How it is read depends on the kind of file."""

    name: str
    file: Path
    shape: torch.Size
    dtype: torch.dtype

    @property
    def origin(self) -> str:
        return f"{self.name} ({self.file.name})"


class SafetensorsWeight(StoredWeight):
    """A tensor of a safetensors file."""

    def read(self) -> torch.Tensor:
        try:
            with safe_open(self.file, framework="pt") as file:
                return file.get_tensor(self.name)
        except SafetensorError as error:
            raise OSError(f"{self.name} cannot be read from {self.file}: {error}") from error


class PickledWeight(StoredWeight):
    """A tensor of a `.bin` file that `torch.save` wrote."""

    def read(self) -> torch.Tensor:
        return torch.load(self.file, map_location="cpu", weights_only=True, mmap=True)[self.name]


@dataclass(frozen=True)
class InitialWeight:
    """A weight that no source has. Its values are initial values, made here."""

    values: torch.Tensor

    @property
    def shape(self) -> torch.Size:
        return self.values.shape

    @property
    def dtype(self) -> torch.dtype:
        return self.values.dtype

    @property
    def origin(self) -> str:
        return "initialized here"

    def read(self) -> torch.Tensor:
        return self.values


@dataclass(frozen=True)
class GrownWeight:
    """Embeddings (rows, width) with more rows than the source has. Each new row is the mean of the old rows."""

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
        return f"{self.weight.origin}, rows {self.weight.shape[0]} -> {self.num_rows}, new rows are the mean of the old"

    def read(self) -> torch.Tensor:
        old = self.weight.read()
        mean = (old.sum(dim=0, dtype=torch.float64) / len(old)).to(self.dtype)
        return torch.cat([old, mean.expand(self.num_rows - len(old), -1)])


def are_equal(one: Weight, other: Weight) -> bool:
    """Tells whether two weights have the same shape and the same values."""
    return one.shape == other.shape and torch.equal(one.read(), other.read())
