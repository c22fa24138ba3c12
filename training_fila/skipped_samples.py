"""Samples that could not be used: each is logged by name and counted, and too many unreadable ones end the run."""

import logging
from collections.abc import Iterable, Mapping

from transformers import TrainerCallback
from transformers.trainer_callback import ExportableState


logger = logging.getLogger(__name__)


class TooManyUnreadableError(RuntimeError):
    """A run met more samples that cannot be read than it was told to bear."""


class SkippedSamples(TrainerCallback, ExportableState):
    """
    Counts the samples this process skipped; the counts survive in checkpoints.

    Args:
        limit: how many unreadable samples end the run, on any one process.
    """

    def __init__(self, limit: int):
        self.limit = limit
        self.counts = {"unreadable": 0, "too_long": 0}

    def add(self, skipped: Iterable[Mapping[str, str]]) -> None:
        """
        Takes note of samples (`id`, `source`, `kind`, `cause`).

        Raises:
            `TooManyUnreadableError`: beyond the limit; with the last sample and its cause.
        """
        for sample in skipped:
            self.counts[sample["kind"]] += 1
            logger.warning("Skipped sample %s of %s: %s", sample["id"], sample["source"], sample["cause"])
            if self.counts["unreadable"] > self.limit:
                raise TooManyUnreadableError(
                    f"{self.counts['unreadable']} samples could not be read, more than data.unreadable_limit="
                    f"{self.limit}. The last one, {sample['id']} of {sample['source']}: {sample['cause']}"
                )

    def on_train_begin(self, args, state, control, **kwargs):
        """Goes on counting where a checkpoint left off."""
        saved = state.stateful_callbacks.get(type(self).__name__)
        if saved:
            self.counts = dict(saved["attributes"]["counts"])

    def state(self) -> dict:
        return {"args": {"limit": self.limit}, "attributes": {"counts": dict(self.counts)}}
