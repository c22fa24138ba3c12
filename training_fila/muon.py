"""Muon for the matrices of the language model's layers, AdamW for everything else, as one optimiser.

Muon (Jordan et al., 2024) replaces the update of a matrix by the nearest orthogonal one, so that every direction learns
at the same speed. `torch.optim.Muon` scales it to the size of AdamW's (`match_rms_adamw`; Liu et al., 2025, arXiv
2502.16982): a learning rate means the same for both.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn


OPTIMIZERS = ("adamw", "muon")
LAYERS = "model.language_model.layers."


def is_for_muon(name: str, parameter: nn.Parameter) -> bool:
    """Whether Muon updates a parameter: a matrix between hidden states. Rows of embeddings are no such thing."""
    return parameter.ndim == 2 and name.removeprefix("module.").startswith(LAYERS)


class MuonAndAdamW(torch.optim.Optimizer):
    """
    Args:
        groups: parameter groups; `"muon": True` in one gives it to Muon.
        adamw: arguments of `torch.optim.AdamW`.

    Raises:
        `ImportError`: PyTorch is older than 2.9.
    """

    def __init__(self, groups: list[dict[str, Any]], **adamw):
        if not hasattr(torch.optim, "Muon"):
            raise ImportError(f"optimizer=muon needs PyTorch 2.9 or newer, this is {torch.__version__}.")
        super().__init__(groups, {"muon": False})
        learning_rate = adamw.pop("lr")
        muon_groups, adamw_groups = self._groups(True), self._groups(False)
        # Both add what they need to the groups, which are these very dictionaries.
        muon = torch.optim.Muon(muon_groups, lr=learning_rate, adjust_lr_fn="match_rms_adamw") if muon_groups else None
        others = torch.optim.AdamW(adamw_groups, lr=learning_rate, **adamw) if adamw_groups else None
        self.parts = {True: muon, False: others}
        self._share()

    def step(self, closure=None):
        loss = None if closure is None else torch.enable_grad()(closure)()
        for optimizer in filter(None, self.parts.values()):
            optimizer.step()
        return loss

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        super().load_state_dict(state_dict)
        self._share()

    def _groups(self, is_muon: bool) -> list[dict[str, Any]]:
        return [group for group in self.param_groups if group["muon"] == is_muon]

    def _share(self) -> None:
        """One state and one list of groups for all: schedules and checkpoints then see a single optimiser."""
        for is_muon, optimizer in self.parts.items():
            if optimizer is not None:
                optimizer.param_groups, optimizer.state = self._groups(is_muon), self.state
