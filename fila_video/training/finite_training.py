"""Ends a run whose loss or weights are not finite, before a checkpoint is written that nobody can use."""

from typing import Any

import torch
from accelerate import Accelerator
from torch import nn
from transformers import TrainerCallback


class NotFiniteError(RuntimeError):
    """The loss or a weight is NaN or infinite."""


class FiniteLosses(TrainerCallback):
    """
    Checks the loss of every step before the weights change.

    All processes share the sum of their losses, so that they all end at the same step and none writes a checkpoint.
    """

    def __init__(self, accelerator: Accelerator):
        self._accelerator = accelerator
        self._sum = torch.zeros((), device=accelerator.device)

    def add(self, loss: torch.Tensor) -> None:
        """Adds the loss of a micro batch, a scalar."""
        self._sum = self._sum + loss.detach().float()

    def on_pre_optimizer_step(self, args, state, control, **kwargs):
        loss = float(self._accelerator.reduce(self._sum, reduction="sum"))
        self._sum = torch.zeros_like(self._sum)
        if not torch.tensor(loss).isfinite():
            raise NotFiniteError(
                f"The loss of step {state.global_step + 1} is {loss}, so the run ends. The last checkpoint is kept: "
                "train on from it with lower learning rates."
            )


def check_weights(model: nn.Module, accelerator: Accelerator, step: int) -> None:
    """
    Checks that all weights of a model are finite. Every process has to call this.

    Args:
        model: The model; its parameters may be split over the processes.
        accelerator: The accelerator of the run.
        step: Number of the step, for the error.

    Raises:
        NotFiniteError: If a weight is NaN or infinite in any process.
    """
    bad = [name for name, parameter in model.named_parameters() if not _own_part(parameter).isfinite().all()]
    count = torch.tensor(len(bad), device=accelerator.device)
    if accelerator.reduce(count, reduction="sum"):
        named = f", such as {bad[0]}" if bad else ""
        raise NotFiniteError(
            f"After step {step}, there are weights that are not finite{named}. They are not saved, and the run ends. "
            "The last checkpoint is kept: train on from it with lower learning rates."
        )


def _own_part(parameter: Any) -> torch.Tensor:
    """The part of a parameter that this process holds, with FSDP2 or with ZeRO-3."""
    parameter = getattr(parameter, "ds_tensor", parameter)
    return parameter.to_local() if hasattr(parameter, "to_local") else parameter
