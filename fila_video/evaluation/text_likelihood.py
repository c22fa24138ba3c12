"""How likely a model finds texts after a prompt that it has read: one short pass for each text."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import torch

from modeling_fila.modeling_compat import CACHE_NAME


class Likelihood(NamedTuple):
    """The sum of the natural log probabilities of a text's tokens, and whether greedy generation begins with them."""

    log_probability: float
    is_greedy: bool


def likelihoods_of(model: Any, first: torch.Tensor, cache: Any, texts: Iterable[Sequence[int]]) -> Iterator[Likelihood]:
    """
    Yields the likelihood of each text.

    Args:
        model: A FiLA-Video model.
        first: Shape (1, size of the vocabulary): what the model says after the prompt.
        cache: What the model keeps of the prompt. A text is removed from it when it has been measured.
        texts: For each text its tokens, at least one.
    """
    for tokens in texts:
        ids = torch.tensor([list(tokens)], device=first.device)
        logits = first
        if ids.shape[1] > 1:
            rest = model(input_ids=ids[:, :-1], use_cache=True, **{CACHE_NAME: cache}).logits[0]
            logits = torch.cat([first, rest.to(first.device)])
            cache.crop(1 - ids.shape[1])
        yield likelihood_of(logits, ids[0])


def likelihood_of(logits: torch.Tensor, ids: torch.Tensor) -> Likelihood:
    """
    Args:
        logits: Shape (length, size of the vocabulary): what the model says before each token of the text.
        ids: Shape (length,): the tokens of the text.
    """
    chosen = logits.float().log_softmax(-1).gather(-1, ids[:, None])[:, 0]
    return Likelihood(float(chosen.sum()), bool((logits.argmax(-1) == ids).all()))
