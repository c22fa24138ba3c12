"""The numbers of a line of the log: the loss of each modality, and tokens and frames per second."""

import time

import torch
from accelerate import Accelerator


MODALITIES = ("image", "video", "text", "mixed")


class TrainingMetrics:
    """
    Sums counts between two lines of the log.

    The sums stay on the device, so that no step waits for them. They are added up over all processes when a line is
    written.
    """

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
            modality: One of `MODALITIES`.
            loss_sum: Scalar: the sum of the loss over all labels, in nats.
            num_labels: Scalar: the number of tokens with a label.
            num_tokens: Scalar: the number of tokens without padding.
            num_frames: Number of video frames that were encoded.
        """
        row = MODALITIES.index(modality)
        self._losses[row] += loss_sum.detach()
        self._labels[row] += num_labels
        self._tokens += num_tokens
        self._frames += num_frames

    def read(self) -> dict[str, float]:
        """Returns the values of all processes since the last call. Every process has to call this."""
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
        device = self._accelerator.device
        self._losses = torch.zeros(len(MODALITIES), dtype=torch.float32, device=device)
        self._labels = torch.zeros(len(MODALITIES), dtype=torch.float32, device=device)
        self._tokens = torch.zeros(1, dtype=torch.float32, device=device)
        self._frames = torch.zeros(1, dtype=torch.float32, device=device)
        self._start = time.perf_counter()
