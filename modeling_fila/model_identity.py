# Copyright 2026 The FiLA-Video contributors. All rights reserved.
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.
"""Tells whether a model is still the one that made some features, by a digest of its weights."""

from collections.abc import Iterator
from hashlib import blake2b
from threading import Lock
from typing import Any, NamedTuple
from uuid import uuid4
from weakref import WeakKeyDictionary

import torch
from torch import nn
from transformers import PreTrainedModel


NUM_PROBES = 4
# Names of parameters on which the features of videos do not depend.
LANGUAGE_PARTS = ("language_model.", "lm_head.")


class ModelIdentity(NamedTuple):
    """
    Attributes:
        vision: Digest of the weights that encode videos: the same for the same weights in another process.
        whole: Name of this model object with these weights, for this process alone.
    """

    vision: str
    whole: str


_known: "WeakKeyDictionary[nn.Module, tuple[Any, ModelIdentity]]" = WeakKeyDictionary()
_lock = Lock()  # one thread digests the weights, and the others wait for it


def identify(model: nn.Module) -> ModelIdentity | None:
    """
    Returns the identity of a model, which changes with its weights and active adapters.

    Weights count as changed if they have moved, if PyTorch has counted a change in place, or if one of a few values of
    each tensor differs: code that writes to `parameter.data` is not counted.

    Returns:
        None if the weights are not in memory, because accelerate has offloaded them.
    """
    tensors = dict(_named_tensors(model))
    if any(tensor.is_meta for tensor in tensors.values()):
        return None
    adapters = _adapters(model)
    signature = adapters, [_place(tensor) for tensor in tensors.values()], _probe(list(tensors.values()))
    with _lock:
        known = _known.get(model)
        if known is None or known[0] != signature:
            vision = {
                name: tensor for name, tensor in tensors.items() if not any(part in name for part in LANGUAGE_PARTS)
            }
            known = signature, ModelIdentity(_digest_of_weights(vision, adapters), uuid4().hex)
            _known[model] = known
        return known[1]


def digest_of(*values: Any) -> str:
    """Returns a digest of tensors, which includes their shapes and dtypes, and of values, by what `repr` gives."""
    digest = blake2b(digest_size=20)
    for value in values:
        if isinstance(value, torch.Tensor):
            digest.update(f"{value.dtype}{tuple(value.shape)}".encode())
            digest.update(_bytes_of(value))
        else:
            digest.update(f"{value!r};".encode())
    return digest.hexdigest()


def _bytes_of(tensor: torch.Tensor) -> Any:
    return tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().data


def _named_tensors(model: nn.Module) -> Iterator[tuple[str, torch.Tensor]]:
    yield from model.named_parameters()
    yield from model.named_buffers()


def _place(tensor: torch.Tensor) -> tuple:
    version = 0 if tensor.is_inference() else tensor._version  # inference tensors count no changes
    return (tensor.data_ptr() if _is_plain(tensor) else id(tensor)), version, tensor.dtype, tensor.device, tensor.shape


def _probe(tensors: list[torch.Tensor]) -> list[bytes]:
    """Returns a few values of each tensor, fetched from each device at once."""
    picked: dict[Any, list[torch.Tensor]] = {}
    for tensor in tensors:
        if _is_plain(tensor) and tensor.numel():
            step = max(tensor.numel() // NUM_PROBES, 1)
            values = tensor.detach().reshape(-1)[step // 2 :: step][:NUM_PROBES].float()
            picked.setdefault(tensor.device, []).append(values)
    return [torch.cat(values).cpu().numpy().tobytes() for values in picked.values()]


def _is_plain(tensor: torch.Tensor) -> bool:
    """Whether the values are those in memory. Quantized weights are tensors of other classes."""
    return type(tensor) in (torch.Tensor, nn.Parameter)


def _adapters(model: nn.Module) -> list[tuple[str, str]]:
    """Returns which adapters are at work, as PEFT's layers say."""
    layers: Iterator[Any] = (module for module in model.modules() if hasattr(type(module), "disable_adapters"))
    layers = (layer for layer in layers if not isinstance(layer, PreTrainedModel))  # there it is a method
    return [(str(layer.active_adapters), str(layer.disable_adapters)) for layer in layers]


def _digest_of_weights(tensors: dict[str, torch.Tensor], adapters: list) -> str:
    if not all(map(_is_plain, tensors.values())):
        return uuid4().hex  # quantized weights have no bytes to compare across processes
    return digest_of(adapters, *(item for pair in sorted(tensors.items()) for item in pair))
