"""What a run counts between two lines of its log: loss of each modality, tokens and frames per second."""

import time

import torch
from accelerate import Accelerator


MODALITIES = ("image", "video", "text", "mixed")


class TrainingMeter:
    """Sums on the device, so that no step waits for them; processes are added up when the log is written."""

    def __init__(self, accelerator: Accelerator):
        self._accelerator = accelerator
        self._reset()

    def add(
        self,
        modality: str,
        *,
        loss_sum: torch.Tensor,
        num_labels: torch.Tensor,
        num_tokens: torch.Tensor,
        num_frames: int,
    ) -> None:
        """
        Counts a micro batch.

        Args:
            loss_sum: scalar, the loss summed over its labels, in nats.
            num_labels, num_tokens: scalars, tokens with a label, tokens without padding.
            num_frames: frames of videos that were encoded.
        """
        row = MODALITIES.index(modality)
        self._losses[row] += loss_sum.detach()
        self._labels[row] += num_labels
        self._tokens += num_tokens
        self._frames += num_frames

    def read(self) -> dict[str, float]:
        """The values since the last time, of all processes. Every process has to call this."""
        seconds = time.perf_counter() - self._start
        counts = torch.cat([self._losses, self._labels, self._tokens, self._frames])
        counts = self._accelerator.reduce(counts, reduction="sum").tolist()
        losses, labels = counts[: len(MODALITIES)], counts[len(MODALITIES) : 2 * len(MODALITIES)]
        self._reset()
        return {
            **{f"loss/{name}": loss / n for name, loss, n in zip(MODALITIES, losses, labels, strict=True) if n},
            "tokens_per_second": counts[-2] / seconds,
            "frames_per_second": counts[-1] / seconds,
        }

    def _reset(self) -> None:
        zeros = {"dtype": torch.float32, "device": self._accelerator.device}
        self._losses = torch.zeros(len(MODALITIES), **zeros)
        self._labels = torch.zeros(len(MODALITIES), **zeros)
        self._tokens = torch.zeros(1, **zeros)
        self._frames = torch.zeros(1, **zeros)
        self._start = time.perf_counter()
