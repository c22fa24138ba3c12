"""
Counts the samples that could not be used, and warns about each. Too many unreadable samples end the run.

The trainer logs the counts as `skipped/KIND`, where KIND is `unreadable` or `too_long`.
"""

import logging
from collections.abc import Iterable, Mapping

from transformers import TrainerCallback
from transformers.trainer_callback import ExportableState


logger = logging.getLogger(__name__)


class TooManyUnreadableError(RuntimeError):
    """More samples could not be read than `data.unreadable_limit` allows."""


class SkippedSamples(TrainerCallback, ExportableState):
    """
    Counts the samples that this process skipped. The counts are saved in checkpoints.

    Args:
        limit: Number of unreadable samples that a process may skip. One more ends the run.
    """

    def __init__(self, limit: int):
        self.limit = limit
        self.counts = {"unreadable": 0, "too_long": 0}

    def add(self, skipped: Iterable[Mapping[str, str]]) -> None:
        """
        Logs and counts samples.

        Args:
            skipped: For each sample its `id`, `source`, `kind` (unreadable or too_long) and `cause`.

        Raises:
            TooManyUnreadableError: If the limit is exceeded; it names the last sample and the cause.
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
        """Continues with the counts of the checkpoint that training resumes from."""
        saved = state.stateful_callbacks.get(type(self).__name__)
        if saved:
            self.counts = dict(saved["attributes"]["counts"])

    def state(self) -> dict:
        """What transformers saves in a checkpoint."""
        return {"args": {"limit": self.limit}, "attributes": {"counts": dict(self.counts)}}
