"""Initial weights as transformers sets them, without the whole model in memory."""

import mmap
from collections.abc import Collection, Iterator

import torch
from torch import nn
from transformers import PreTrainedConfig, PreTrainedModel


def model_on_meta(model_class: type[PreTrainedModel], config: PreTrainedConfig) -> PreTrainedModel:
    """Builds a model whose weights have shapes and dtypes, but no memory."""
    with torch.device("meta"):
        return model_class._from_config(config, dtype=config.dtype)


def named_initial_weights(
    model_class: type[PreTrainedModel], config: PreTrainedConfig, names: Collection[str], seed: int
) -> dict[str, torch.Tensor]:
    """
    Makes the initial values of some weights of a model. The state of the global generator stays as it is.

    Args:
        model_class: Class of the model.
        config: Configuration of the model, which also names the dtype.
        names: Names of the weights.
        seed: Random seed of the values.
    """
    model = model_on_meta(model_class, config)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return {name: weight for name, weight in initial_weights(model, names) if name in names}


def initial_weights(model: PreTrainedModel, names: Collection[str] | None = None) -> Iterator[tuple[str, torch.Tensor]]:
    """
    Yields the weights of a model as its `_init_weights` sets them. The model holds one layer in memory at a time.

    Args:
        model: A model on the meta device.
        names: Names of the weights that are needed; layers without any of them are skipped. Default: all weights.

    Yields:
        Name and values of each weight, in the order of the model's state dict.
    """
    for prefix, module, owner in _layers(model, "", model):
        is_deep = not _has_layers(module)
        held = [prefix + name for name, _ in module.named_parameters(recurse=is_deep)]
        if names is not None and not set(held) & set(names):
            continue
        module.to_empty(device="cpu", recurse=is_deep)
        for _, parameter in module.named_parameters(recurse=is_deep):
            parameter.data = _in_own_mapping(parameter)
        for target in list(module.modules())[::-1] if is_deep else [module]:  # Children first, as in transformers.
            owner._init_weights(target)
        for name, parameter in module.named_parameters(recurse=is_deep):
            yield prefix + name, parameter.detach()
        module.to_empty(device="meta", recurse=is_deep)


def _in_own_mapping(parameter: torch.Tensor) -> torch.Tensor:
    """
    Returns memory for a parameter that the system gets back as soon as the parameter is freed.

    With `malloc`, small tensors would settle in the memory that a freed layer leaves, and the next layer would need
    new memory.
    """
    pages = mmap.mmap(-1, parameter.nbytes)
    return torch.frombuffer(pages, dtype=parameter.dtype).view(parameter.shape)


def _has_layers(module: nn.Module) -> bool:
    return any(isinstance(child, (PreTrainedModel, nn.ModuleList)) for child in module.modules())


def _layers(module: nn.Module, prefix: str, owner: PreTrainedModel) -> Iterator[tuple[str, nn.Module, PreTrainedModel]]:
    """Yields each module that is small enough to be made at once, with its prefix and the model that initializes it."""
    owner = module if isinstance(module, PreTrainedModel) else owner
    if not _has_layers(module) or next(module.parameters(recurse=False), None) is not None:
        yield prefix, module, owner
    if _has_layers(module):
        for name, child in module.named_children():
            yield from _layers(child, f"{prefix}{name}.", owner)
