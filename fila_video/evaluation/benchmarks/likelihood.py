"""The probability of texts as an answer of the pipeline: one pass over the prompt, short ones for each text."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from transformers import DynamicCache

from modeling_fila.modeling_compat import CACHE_NAME
from modeling_fila.video_generation import MEDIA_INPUTS


class Likelihood(NamedTuple):
    """The sum of the natural log probabilities of a text's tokens, and whether greedy generation begins with them."""

    log_probability: float
    is_greedy: bool


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
        options: dict[str, Any] = {CACHE_NAME: cache, "use_cache": True}
        first = model(input_ids=input_ids, logits_to_keep=1, **media, **options).logits[0]
        for tokens in self.continuations:
            ids = torch.tensor([list(tokens)], device=input_ids.device)
            logits = first
            if ids.shape[1] > 1:
                rest = model(input_ids=ids[:, :-1], **options).logits[0]
                logits = torch.cat([first, rest.to(first.device)])
                cache.crop(1 - ids.shape[1])  # removes what the text added
            self.found.append(likelihood_of(logits, ids[0]))
        return input_ids


def likelihood_of(logits: torch.Tensor, ids: torch.Tensor) -> Likelihood:
    """
    Args:
        logits: Shape (length, size of the vocabulary): what the model says before each token of the text.
        ids: Shape (length,): the tokens of the text.
    """
    ids = ids.to(logits.device)
    chosen = logits.float().log_softmax(-1).gather(-1, ids[:, None])[:, 0]
    return Likelihood(float(chosen.sum()), bool((logits.argmax(-1) == ids).all()))
