"""
Counts the samples that could not be used, and warns about each. Too many of them end the run.

The trainer logs the counts as `skipped/KIND`, where KIND is `unreadable` or `too_long`.
"""

import logging
from collections.abc import Iterable, Mapping

from accelerate.utils import gather_object
from transformers import TrainerCallback
from transformers.trainer_callback import ExportableState


logger = logging.getLogger(__name__)
# The share of the first samples says little: one broken file among ten is no reason to end a run.
FEWEST_SAMPLES = 100


class TooManySkippedError(RuntimeError):
    """More samples could not be read than `data.unreadable_limit` allows, or no sample could be used at all."""


class SkippedSamples(TrainerCallback, ExportableState):
    """
    Counts the samples that this process skipped. The counts are saved in checkpoints.

    Args:
        limit: Largest share of the samples of a process that may be unreadable, in [0, 1). Until a process has had
            `FEWEST_SAMPLES` samples, it is a share of that number.
    """

    def __init__(self, limit: float):
        self.limit = limit
        self.num_samples = 0
        self.counts = {"unreadable": 0, "too_long": 0}

    def add(self, skipped: Iterable[Mapping[str, str]], num_samples: int) -> None:
        """
        Logs and counts samples.

        Args:
            skipped: For each sample its `id`, `source`, `kind` (unreadable or too_long) and `cause`.
            num_samples: Number of samples in the batch, with those that were skipped.

        Raises:
            TooManySkippedError: If the limit is exceeded; it names the last sample and the cause.
        """
        self.num_samples += num_samples
        for sample in skipped:
            self.counts[sample["kind"]] += 1
            logger.warning("Skipped sample %s of %s: %s", sample["id"], sample["source"], sample["cause"])
            if self.counts["unreadable"] > self.limit * max(self.num_samples, FEWEST_SAMPLES):
                raise TooManySkippedError(
                    f"{self.counts['unreadable']} of {self.num_samples} samples could not be read, more than "
                    f"data.unreadable_limit={self.limit:g} allows. The last one, {sample['id']} of {sample['source']}: "
                    f"{sample['cause']}"
                )

    def on_train_begin(self, args, state, control, **kwargs):
        """Continues with the counts of the checkpoint that training resumes from."""
        saved = state.stateful_callbacks.get(type(self).__name__)
        if saved:
            self.counts = dict(saved["attributes"]["counts"])
            self.num_samples = saved["attributes"]["num_samples"]

    def on_train_end(self, args, state, control, **kwargs):
        """Ends a run in which no sample could be used. Its model would be saved as if it had been trained."""
        num_used = sum(gather_object([self.num_samples - sum(self.counts.values())]))
        if self.num_samples and not num_used:
            raise TooManySkippedError(f"No sample could be used. The skipped ones by cause: {self.counts}.")

    def state(self) -> dict:
        """What transformers saves in a checkpoint."""
        return {
            "args": {"limit": self.limit},
            "attributes": {"counts": dict(self.counts), "num_samples": self.num_samples},
        }
