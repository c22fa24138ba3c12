"""Counts the tokens of prompts, videos and answers while `generate` runs."""

from dataclasses import dataclass

import torch
from transformers import StoppingCriteria


@dataclass(frozen=True)
class Counts:
    """
    Attributes:
        input: Tokens of the prompt, placeholders of videos included.
        video: Placeholders of videos among them: visual tokens, and times where these stand at placeholders.
        output: Tokens of the answer, without the one that ends it.
    """

    input: int
    video: int
    output: int


class TokenCounter(StoppingCriteria):
    """Never stops a generation, but sees its tokens. One object counts one call of `generate`."""

    def __init__(self) -> None:
        self._prompt_length = 0
        self._sequences: torch.Tensor | None = None

    def __call__(self, input_ids: torch.Tensor, scores: object, **options: object) -> torch.Tensor:
        if self._sequences is None:
            self._prompt_length = input_ids.shape[1] - 1
        self._sequences = input_ids
        return torch.zeros(len(input_ids), dtype=torch.bool, device=input_ids.device)

    def counts(self, *, video_token_id: int, pad_token_id: int | None, ends: set[int]) -> list[Counts]:
        """
        Returns the counts of each prompt of the call.

        Args:
            video_token_id: The placeholder of videos.
            pad_token_id: The token to the left of shorter prompts.
            ends: The tokens that end an answer.
        """
        assert self._sequences is not None, "generate has not been called"
        found = []
        for row in self._sequences.tolist():
            prompt, answer = row[: self._prompt_length], row[self._prompt_length :]
            padding = next((place for place, token in enumerate(prompt) if token != pad_token_id), 0)
            length = next((place for place, token in enumerate(answer) if token in ends), len(answer))
            found.append(Counts(len(prompt) - padding, prompt.count(video_token_id), length))
        return found
