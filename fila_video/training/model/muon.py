"""One optimizer that updates the matrices of the language model's layers with Muon and everything else with AdamW.

Muon (Jordan et al., 2024) replaces the update of a matrix by the nearest orthogonal matrix, so that every direction
learns at the same speed. `torch.optim.Muon` scales the update to the size of AdamW's updates (`match_rms_adamw`; Liu et
al., 2025, arXiv 2502.16982), so that a learning rate means the same for both.
"""

from typing import Any

import torch
from torch import nn


OPTIMIZERS = ("adamw", "muon")
LAYERS = "model.language_model.layers."


def is_for_muon(name: str, parameter: nn.Parameter) -> bool:
    """Whether Muon updates a parameter. It updates the matrices inside the layers, but not the embeddings."""
    return parameter.ndim == 2 and name.removeprefix("module.").startswith(LAYERS)


class MuonAndAdamW(torch.optim.Optimizer):
    """
    Updates each parameter group with Muon or with AdamW.

    Args:
        groups: Parameter groups. Muon updates the groups that have `"muon": True`.
        adamw: Arguments of `torch.optim.AdamW`.

    Raises:
        ImportError: If PyTorch is older than 2.9.
    """

    def __init__(self, groups: list[dict[str, Any]], **adamw):
        if not hasattr(torch.optim, "Muon"):
            raise ImportError(
                f"optimizer=muon needs PyTorch 2.9 or newer; the installed version is {torch.__version__}."
            )
        super().__init__(groups, {"muon": False})
        learning_rate = adamw.pop("lr")
        muon_groups, adamw_groups = self._groups(True), self._groups(False)
        # Both optimizers add their own settings to the groups, which are the same dictionaries as in `param_groups`.
        muon = torch.optim.Muon(muon_groups, lr=learning_rate, adjust_lr_fn="match_rms_adamw") if muon_groups else None
        others = torch.optim.AdamW(adamw_groups, lr=learning_rate, **adamw) if adamw_groups else None
        self._optimizers = {True: muon, False: others}
        self._share()

    def step(self, closure=None):
        loss = None if closure is None else torch.enable_grad()(closure)()
        for optimizer in filter(None, self._optimizers.values()):
            optimizer.step()
        return loss

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        super().load_state_dict(state_dict)
        self._share()

    def _groups(self, is_muon: bool) -> list[dict[str, Any]]:
        return [group for group in self.param_groups if group["muon"] == is_muon]

    def _share(self) -> None:
        """Shares one state and the groups with both, so that schedules and checkpoints see a single optimizer."""
        for is_muon, optimizer in self._optimizers.items():
            if optimizer is not None:
                optimizer.param_groups, optimizer.state = self._groups(is_muon), self.state
