"""The probability of texts as an answer of the pipeline: one pass over the prompt, short ones for each text."""

from collections.abc import Sequence
from typing import Any

import torch
from transformers import DynamicCache

from modeling_fila.modeling_compat import CACHE_NAME
from modeling_fila.video_generation import MEDIA_INPUTS

from ..text_likelihood import Likelihood, likelihoods_of


class Likelihoods:
    """
    Measures texts in place of generating one: an argument `custom_generate` of `generate`, for a single prompt.

    Args:
        continuations: For each text its tokens, at least one.

    Attributes:
        found: The likelihood of each text, after the call.
        prompt: The tokens of the prompt, of shape (1, T).
    """

    def __init__(self, continuations: Sequence[Sequence[int]]):
        self.continuations = continuations
        self.found: list[Likelihood] = []
        self.prompt: torch.Tensor | None = None

    def __call__(self, model: Any, input_ids: torch.Tensor, **arguments: Any) -> torch.Tensor:
        self.prompt = input_ids
        names = ("mm_encoder_outputs", *MEDIA_INPUTS["image"])
        media = {name: arguments[name] for name in names if arguments.get(name) is not None}
        cache = DynamicCache(config=model.config.get_text_config(decoder=True))
        options: dict[str, Any] = {CACHE_NAME: cache, "use_cache": True, "logits_to_keep": 1}
        first = model(input_ids=input_ids, **media, **options).logits[0]
        self.found = list(likelihoods_of(model, first, cache, self.continuations))
        return input_ids
