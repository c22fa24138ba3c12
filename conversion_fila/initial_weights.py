"""Weights as transformers initialises them, without holding the model."""

import mmap
from collections.abc import Collection, Iterator

import torch
from torch import nn
from transformers import PreTrainedConfig, PreTrainedModel


def model_on_meta(model_class: type[PreTrainedModel], config: PreTrainedConfig) -> PreTrainedModel:
    """A model without memory for its weights."""
    with torch.device("meta"):
        return model_class._from_config(config, dtype=config.dtype)


def fresh_weights(
    model_class: type[PreTrainedModel], config: PreTrainedConfig, names: Collection[str], seed: int
) -> dict[str, torch.Tensor]:
    """Initial values, in the configuration's dtype, of the weights with these names; from a generator of their own."""
    model = model_on_meta(model_class, config)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return {name: weight for name, weight in initial_weights(model, names) if name in names}


def initial_weights(model: PreTrainedModel, names: Collection[str] | None = None) -> Iterator[tuple[str, torch.Tensor]]:
    """
    The weights of a model on the meta device as its `_init_weights` would set them, in memory one layer at a time.

    Args:
        names: layers that hold none of these are left out. Default: all weights.
    """
    for prefix, module, owner in _layers(model, "", model):
        is_deep = not _has_layers(module)
        held = [prefix + name for name, _ in module.named_parameters(recurse=is_deep)]
        if names is not None and not set(held) & set(names):
            continue
        module.to_empty(device="cpu", recurse=is_deep)
        for _, parameter in module.named_parameters(recurse=is_deep):
            parameter.data = _in_a_mapping(parameter)
        for target in list(module.modules())[::-1] if is_deep else [module]:  # children first, as transformers does
            owner._init_weights(target)
        for name, parameter in module.named_parameters(recurse=is_deep):
            yield prefix + name, parameter.detach()
        module.to_empty(device="meta", recurse=is_deep)


def _in_a_mapping(parameter: torch.Tensor) -> torch.Tensor:
    """
    Memory for a parameter that goes back to the system with it. `malloc` keeps what is freed, small tensors settle in
    the holes, and the next layer no longer fits into them.
    """
    pages = mmap.mmap(-1, parameter.nbytes)
    return torch.frombuffer(pages, dtype=parameter.dtype).view(parameter.shape)


def _has_layers(module: nn.Module) -> bool:
    return any(isinstance(child, (PreTrainedModel, nn.ModuleList)) for child in module.modules())


def _layers(module: nn.Module, prefix: str, owner: PreTrainedModel) -> Iterator[tuple[str, nn.Module, PreTrainedModel]]:
    """Modules small enough to be made whole, each with its name and the model whose initialisation it follows."""
    owner = module if isinstance(module, PreTrainedModel) else owner
    if not _has_layers(module) or next(module.parameters(recurse=False), None) is not None:
        yield prefix, module, owner
    if _has_layers(module):
        for name, child in module.named_children():
            yield from _layers(child, f"{prefix}{name}.", owner)
