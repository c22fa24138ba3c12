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
"""The beginning that two prompts have in common, and what the language model computed for it.

Shape letters: T tokens of a prompt, L visual tokens of a video or image.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from transformers import Cache, DynamicCache, GenerationConfig
from transformers.cache_utils import DynamicLayer


# Settings of `generate` with which it runs one sequence from a cache that grows; all others need their own cache.
PLAIN_SETTINGS: dict[str, tuple] = {
    "num_beams": (None, 1),
    "num_return_sequences": (None, 1),
    "use_cache": (None, True),
    "cache_implementation": (None, "dynamic"),
    "guidance_scale": (None, 1),
    "penalty_alpha": (None, 0),
    **dict.fromkeys(
        ("prefill_chunk_size", "prompt_lookup_num_tokens", "assistant_early_exit", "dola_layers", "low_memory"),
        (None, False),
    ),
}
# Arguments of `generate` that replace its loop or bring a cache.
REPLACING_ARGUMENTS = (
    "assistant_model",
    "custom_generate",
    "cache",
    "past_key_values",
    "inputs_embeds",
    "position_ids",
)


class Medium(NamedTuple):
    """
    A video or image of a prompt: where its first placeholder stands, where its last one ends, and what it is.

    Two media with the same key have the same visual tokens.
    """

    start: int
    end: int
    key: str


@dataclass
class Prefix:
    """
    A prompt, and the keys and values that each layer of the language model made of it.

    Attributes:
        input_ids: Shape (T,), on the CPU.
        media: The videos and images of the prompt, in order.
        layers: For each layer its keys and values, each of shape (1, heads, T, width of a head).
    """

    input_ids: torch.Tensor
    media: tuple[Medium, ...]
    layers: list[tuple[torch.Tensor, torch.Tensor]]

    @property
    def num_bytes(self) -> int:
        return sum(tensor.nbytes for layer in self.layers for tensor in layer)

    def cache(self, length: int, config: Any, device: torch.device) -> DynamicCache:
        """Returns a new cache with the first `length` tokens. This prefix stays as it is."""
        cache = DynamicCache(config=config)
        for place, (keys, values) in enumerate(self.layers):
            cache.update(keys[..., :length, :].to(device), values[..., :length, :].to(device), place)
        return cache


def prefix_of(
    cache: Cache, input_ids: torch.Tensor, media: Sequence[Medium], device: torch.device | str | None
) -> Prefix | None:
    """
    Returns what a cache holds of a prompt, on another device if one is given.

    Returns:
        None if the cache does not keep all tokens in each layer, as with sliding windows.
    """
    length = len(input_ids)
    if not cache.layers or not all(type(layer) is DynamicLayer for layer in cache.layers):
        return None
    if any(layer.get_seq_length() < length for layer in cache.layers):
        return None
    # Copies: a part of a tensor would keep all of its memory.
    layers = [
        tuple(
            states[..., :length, :].detach().to(states.device if device is None else device, copy=True)
            for states in (layer.keys, layer.values)
        )
        for layer in cache.layers
    ]
    return Prefix(input_ids.cpu(), tuple(media), layers)  # type: ignore[arg-type]


def find_media(input_ids: torch.Tensor, token_id: int, lengths: Sequence[int], keys: Sequence[str]) -> list[Medium]:
    """
    Finds the videos of a prompt.

    Args:
        input_ids: Shape (T,).
        token_id: The placeholder.
        lengths: L of each video, in order.
        keys: What each video is.

    Raises:
        ValueError: If the number of placeholders is not the sum of the lengths.
    """
    found = (input_ids == token_id).nonzero()[:, 0]
    if len(found) != sum(lengths):
        raise ValueError(
            f"The prompt holds {len(found)} placeholder tokens, but {sum(lengths)} visual tokens {list(lengths)} are "
            "given."
        )
    places = found.split(list(lengths))
    return [Medium(int(own[0]), int(own[-1]) + 1, key) for own, key in zip(places, keys, strict=True)]


def shared_length(input_ids: torch.Tensor, media: Sequence[Medium], prefix: Prefix) -> int:
    """
    Returns the number of first tokens of a prompt that mean the same as those of a prefix.

    A video counts only as a whole, and if it is the same. At least the last token of the prompt does not count: the
    model has to read it to answer.

    Args:
        input_ids: Shape (T,), on the CPU.
        media: The videos and images of the prompt.
        prefix: An earlier prompt.
    """
    limit = min(len(input_ids) - 1, len(prefix.input_ids))
    differs = (input_ids[:limit] != prefix.input_ids[:limit]).nonzero()
    length = int(differs[0, 0]) if len(differs) else limit
    for medium in sorted({*media, *prefix.media}, key=lambda medium: -medium.start):
        is_shared = medium in media and medium in prefix.media
        if medium.start < length and not (is_shared and medium.end <= length):
            length = medium.start
    return length


def is_plain(arguments: dict[str, Any], default: GenerationConfig) -> bool:
    """
    Whether `generate` runs a single sequence with a growing cache: no beams, no assistant, no cache of another kind.

    Args:
        arguments: Those of `generate`.
        default: The generation config of the model.
    """
    if any(arguments.get(name) is not None for name in REPLACING_ARGUMENTS):
        return False
    sources = [vars(default), vars(arguments.get("generation_config") or default), arguments]
    return all(source.get(name) in plain for name, plain in PLAIN_SETTINGS.items() for source in sources)
