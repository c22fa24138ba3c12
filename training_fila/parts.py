"""The parts of the model that stages train or freeze, each with a learning rate of its own (section 3.4, Table 4)."""

from collections.abc import Iterable, Mapping

from torch import nn

from .muon import is_for_muon


# LLaVA's code trains the newline with the language model, not with the projector; so does this.
PARTS = {
    "vision_tower": ("model.vision_tower.",),
    "scene_merging": ("model.scene_merging.",),
    "multi_modal_projector": ("model.multi_modal_projector.",),
    "language_model": ("model.language_model.", "lm_head.", "model.image_newline"),
}
# In SigLIP's checkpoints, but behind the layer that feeds the projector: nothing that comes out depends on them.
UNUSED = ("model.vision_tower.post_layernorm.", "model.vision_tower.head.")
PEFT_PREFIX = "base_model.model."


def part_of(parameter_name: str) -> str | None:
    """
    The part that a parameter belongs to, PEFT's wrapping aside; None for weights that the model does not use.

    Raises:
        `ValueError`: for a name that is in no part.
    """
    name = parameter_name.removeprefix("module.").removeprefix(PEFT_PREFIX)
    if name.startswith(UNUSED):
        return None
    for part, prefixes in PARTS.items():
        if name.startswith(prefixes):
            return part
    raise ValueError(f"The parameter {parameter_name} is in no part of the model: {', '.join(PARTS)}.")


def freeze_all_but(model: nn.Module, trained: Iterable[str]) -> None:
    """
    Makes the parameters of the parts `trained` the trainable ones. The rest is frozen and runs without gradient.

    Raises:
        `ValueError`: if a part has no parameters in this model, e.g. `scene_merging` where nothing is learnt.
    """
    trained = set(trained)
    found = set()
    for name, parameter in model.named_parameters():
        part = part_of(name)
        parameter.requires_grad_(part in trained)
        found.add(part)
    if missing := sorted(trained - found):
        raise ValueError(f"learning_rates: this model has nothing to train in {missing[0]!r}.")


def parameter_groups(
    model: nn.Module,
    learning_rates: Mapping[str, float | None],
    *,
    weight_decay: float,
    decayed: Iterable[str],
    optimizer: str = "adamw",
) -> list[dict]:
    """
    Groups for an optimiser: one for each trained part, or more where some of its parameters decay and some do not, or
    Muon updates some (`muon` in the group).

    Args:
        learning_rates: peak rate of each part.
        decayed: names of the parameters that weight decay applies to.
        optimizer: one of `OPTIMIZERS` (muon.py).
    """
    decayed = set(decayed)
    groups: dict[tuple[str, bool, bool], list[nn.Parameter]] = {}
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            has_muon = optimizer == "muon" and is_for_muon(name, parameter)
            key = (part_of(name), weight_decay > 0 and name in decayed, has_muon)
            groups.setdefault(key, []).append(parameter)
    return [
        {
            "params": parameters,
            "lr": learning_rates[part],
            "weight_decay": weight_decay if decays else 0.0,
            "part": part,
            "muon": has_muon,
        }
        for (part, decays, has_muon), parameters in groups.items()
    ]


def table_of_parts(model: nn.Module, learning_rates: Mapping[str, float | None]) -> str:
    """What is trained, at which peak rate: a line for each part."""
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
