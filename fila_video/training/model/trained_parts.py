"""The parts of the model that stages train or freeze, each with its own learning rate (section 3.4, Table 4)."""

from collections.abc import Iterable, Mapping
from typing import Any

from torch import nn

from .muon import is_for_muon


# As in LLaVA's code, the newline token is trained with the language model, not with the projector.
PARTS = {
    "vision_tower": ("model.vision_tower.",),
    "scene_merging": ("model.scene_merging.",),
    "multi_modal_projector": ("model.multi_modal_projector.",),
    "language_model": ("model.language_model.", "lm_head.", "model.image_newline"),
}
# These weights are in SigLIP's checkpoints, but behind the layer that feeds the projector: no output depends on them.
NEVER_TRAINED = ("model.vision_tower.post_layernorm.", "model.vision_tower.head.")
PEFT_PREFIX = "base_model.model."


def part_of(parameter_name: str) -> str | None:
    """
    Finds the part that a parameter belongs to.

    Args:
        parameter_name: Name of the parameter, with or without the prefixes that DDP and PEFT add.

    Returns:
        A key of `PARTS`, or None for weights that the model does not use.

    Raises:
        ValueError: If the name is in no part.
    """
    name = parameter_name.removeprefix("module.").removeprefix(PEFT_PREFIX)
    if name.startswith(NEVER_TRAINED):
        return None
    for part, prefixes in PARTS.items():
        if name.startswith(prefixes):
            return part
    raise ValueError(f"The parameter {parameter_name} is in no part of the model; the parts are {', '.join(PARTS)}.")


def freeze_all_but(model: nn.Module, trained: Iterable[str]) -> None:
    """
    Makes the parameters of some parts trainable and freezes all others.

    Args:
        model: The model to change.
        trained: Names of the parts to train, keys of `PARTS`.

    Raises:
        ValueError: If a part has no parameters in this model, such as `scene_merging` where scenes are averaged.
    """
    trained = set(trained)
    found = set()
    for name, parameter in model.named_parameters():
        part = part_of(name)
        parameter.requires_grad_(part in trained)
        found.add(part)
    if missing := sorted(trained - found):
        raise ValueError(
            f"learning_rates: this model has nothing to train in {missing[0]!r}; set learning_rates.{missing[0]}=null."
        )


def parameter_groups(
    model: nn.Module,
    learning_rates: Mapping[str, float | None],
    *,
    weight_decay: float,
    decayed: Iterable[str],
    optimizer: str = "adamw",
) -> list[dict]:
    """
    Makes the parameter groups of the optimizer.

    Each trained part is one group. It is several groups if weight decay applies to only some of its parameters, or if
    Muon updates only some of them.

    Args:
        model: The model that is trained.
        learning_rates: Peak learning rate of each part.
        weight_decay: Weight decay of the parameters in `decayed`.
        decayed: Names of the parameters that weight decay applies to.
        optimizer: One of `OPTIMIZERS` (muon.py).

    Returns:
        Groups for `torch.optim`, each with the name of its part (`part`) and whether Muon updates it (`muon`).
    """
    decayed = set(decayed)
    groups: dict[tuple[Any, bool, bool], list[nn.Parameter]] = {}
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            uses_muon = optimizer == "muon" and is_for_muon(name, parameter)
            key = (part_of(name), weight_decay > 0 and name in decayed, uses_muon)
            groups.setdefault(key, []).append(parameter)
    return [
        {
            "params": parameters,
            "lr": learning_rates[part],
            "weight_decay": weight_decay if decays else 0.0,
            "part": part,
            "muon": uses_muon,
        }
        for (part, decays, uses_muon), parameters in groups.items()
    ]


def table_of_parts(model: nn.Module, learning_rates: Mapping[str, float | None]) -> str:
    """Describes what is trained, at which peak learning rate, with one line for each part."""
    counts = {part: [0, 0] for part in PARTS}
    for name, parameter in model.named_parameters():
        if (part := part_of(name)) is not None:
            counts[part][0] += parameter.numel()
            counts[part][1] += parameter.numel() * parameter.requires_grad
    lines = [f"{'part':<24}{'parameters':>16}{'trained':>16}  peak learning rate"]
    for part, (total, trained) in counts.items():
        rate = f"{learning_rates[part]:g}" if trained else "frozen"
        lines.append(f"{part:<24}{total:>16,}{trained:>16,}  {rate}")
    return "\n".join(lines)
