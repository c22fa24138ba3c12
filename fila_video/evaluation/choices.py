"""Answers multiple-choice questions by likelihood: the choice whose words the model finds most likely after the prompt.

It is an alternative to generating an answer, for models that chat badly.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch

from modeling_fila.modeling_compat import CACHE_NAME

from .text_likelihood import likelihoods_of


class ChoiceScore(NamedTuple):
    """
    How likely a choice is after a prompt.

    Attributes:
        log_prob: Sum of the log probabilities of its tokens.
        num_tokens: Number of its tokens.
    """

    log_prob: float
    num_tokens: int

    @property
    def mean(self) -> float:
        """Mean log probability of a token, which does not favor short choices."""
        return self.log_prob / self.num_tokens


@torch.no_grad()
def score_choices(
    pipe: Any,
    messages: list[dict[str, Any]],
    choices: Sequence[str],
    *,
    loaded_videos: dict[Any, Any] | None = None,
    **options: Any,
) -> list[ChoiceScore]:
    """
    Scores each choice as the beginning of the answer to the last message. The end of the turn is no part of it.

    The video is encoded, and the prompt goes through the language model, once for all choices. The pipeline's
    `video_store` keeps both for further questions about the video.

    Args:
        pipe: A `video-text-to-text` pipeline.
        messages: A conversation that ends with the user's turn.
        choices: Texts such as letters or whole answers.
        loaded_videos: Videos of an earlier call about the same conversation or video, which are not read again. It is
            changed to hold those of this call.
        **options: Arguments of the processor, such as `num_frames` and `subtitles`.

    Returns:
        A score for each choice, in their order.

    Raises:
        ValueError: If there is no choice, or one is empty.
        OSError: If a video cannot be read.
    """
    tokens = [pipe.processor.tokenizer(choice, add_special_tokens=False)["input_ids"] for choice in choices]
    if not tokens or not all(tokens):
        raise ValueError(f"choices={list(choices)!r} must be texts that are not empty.")
    inputs = pipe.processor.apply_chat_template(
        messages,
        tokenize=True,
        return_dict=True,
        return_tensors="pt",
        add_generation_prompt=True,
        processor_kwargs={"as_bytes": True, "loaded_videos": {} if loaded_videos is None else loaded_videos, **options},
    ).to(pipe.model.device)
    found = likelihoods_of(pipe.model, *_read_prompt(pipe, inputs), tokens)
    return [ChoiceScore(each.log_probability, len(ids)) for each, ids in zip(found, tokens, strict=True)]


def most_likely(scores: Sequence[ChoiceScore], *, mean: bool = False) -> int:
    """Returns the place of the best choice, the first one of equals.

    Args:
        scores: The scores of the choices.
        mean: Compare means over tokens, not sums.
    """
    return max(range(len(scores)), key=lambda place: scores[place].mean if mean else scores[place].log_prob)


def _read_prompt(pipe: Any, inputs: Any) -> tuple[torch.Tensor, Any]:
    """Returns what the model says after the prompt, logits of shape (1, vocabulary), and the cache of the prompt."""
    options = {"max_new_tokens": 1, "do_sample": False, "return_dict_in_generate": True, "output_logits": True}
    if pipe.video_store is None:
        output = pipe.model.generate(**inputs, **options)
    else:
        output = pipe.video_store.generate(pipe.model, **inputs, **options)
    return output.logits[0], getattr(output, CACHE_NAME)
