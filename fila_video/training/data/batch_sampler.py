"""The order of samples in an epoch: full global batches of one modality and of similar lengths."""

from collections.abc import Iterator, Sequence

import numpy as np
from torch.utils.data import Sampler


# (epoch, index of the row).
SampleKey = tuple[int, int]
# Samples are sorted by length within this number of batches. The lengths in a batch are then similar, while the order
# over the epoch remains random.
SORTED_BATCHES = 50


class GlobalBatchSampler(Sampler[list[SampleKey]]):
    """
    Yields micro batches of keys `(epoch, index)`.

    Consecutive micro batches make up a global batch. It does not depend on the number of processes that share it, and
    so the loss of a step does not either.

    Args:
        modalities: Modality of each sample.
        lengths: Length of each sample in tokens; an estimate is enough.
        batch_size: Number of samples in a global batch.
        micro_batch_size: Number of samples that a process takes at once; it divides `batch_size`.
        grouping: What the samples of a batch have in common: `"modality_and_length"`, `"modality"` or `"random"`. The
            samples of each modality that do not fill a batch make mixed batches at the end of the epoch.
        seed: Random seed; the order is a function of seed and epoch.

    Attributes:
        num_left_out: Number of samples that do not fill a last batch. Each epoch leaves out different ones.

    Raises:
        ValueError: If an epoch does not fill one batch, or if `micro_batch_size` does not divide `batch_size`.
    """

    def __init__(
        self,
        modalities: Sequence[str],
        lengths: Sequence[int],
        *,
        batch_size: int,
        micro_batch_size: int,
        grouping: str = "modality_and_length",
        seed: int = 0,
    ):
        if batch_size % micro_batch_size:
            raise ValueError(f"micro_batch_size={micro_batch_size} does not divide batch_size={batch_size}.")
        if len(lengths) < batch_size:
            raise ValueError(f"The data set has {len(lengths)} samples, fewer than batch_size={batch_size}.")
        self._lengths = np.asarray(lengths)
        groups = np.asarray(modalities) if grouping != "random" else np.zeros(len(lengths))
        self._groups = [np.flatnonzero(groups == group) for group in np.unique(groups)]
        self._sorts = grouping == "modality_and_length"
        # accelerate reads the size of a micro batch under this name.
        self.batch_size = micro_batch_size
        self._global_batch_size = batch_size
        self._seed = seed
        self._epoch = 0
        self.num_left_out = len(lengths) % batch_size
        # All batches are full, so accelerate must not repeat samples to fill the last one.
        self.drop_last = True

    def set_epoch(self, epoch: int) -> None:
        """Chooses the order of the next iteration."""
        self._epoch = epoch

    def __len__(self) -> int:
        return (len(self._lengths) - self.num_left_out) // self.batch_size

    def __iter__(self) -> Iterator[list[SampleKey]]:
        epoch = self._epoch
        for batch in self._global_batches(np.random.default_rng((self._seed, epoch))):
            for start in range(0, len(batch), self.batch_size):
                yield [(epoch, int(index)) for index in batch[start : start + self.batch_size]]

    def _global_batches(self, rng: np.random.Generator) -> Iterator[np.ndarray]:
        """Yields the rows of each global batch: index arrays `(batch_size,)`."""
        pure: list[np.ndarray] = []
        rests: list[np.ndarray] = []
        for group in self._groups:
            order = rng.permutation(group)
            num_whole = len(order) // self._global_batch_size * self._global_batch_size
            pure += self._batches_of(order[:num_whole])
            rests.append(order[num_whole:])
        mixed = rng.permutation(np.concatenate(rests))
        mixed = mixed[: len(mixed) // self._global_batch_size * self._global_batch_size]
        yield from (pure[place] for place in rng.permutation(len(pure)))
        yield from self._batches_of(mixed)

    def _batches_of(self, order: np.ndarray) -> list[np.ndarray]:
        """Cuts indices into full batches, of similar lengths if `grouping` says so."""
        if self._sorts:
            step = SORTED_BATCHES * self._global_batch_size
            parts = [order[start : start + step] for start in range(0, len(order), step)]
            order = np.concatenate([part[np.argsort(self._lengths[part], kind="stable")] for part in parts] or [order])
        return list(order.reshape(-1, self._global_batch_size))
