"""Prompts as token ids, with placeholders where a video's visual tokens and the times of its scenes stand."""

from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

from processing_fila.processing_checks import check_choice
from processing_fila.timestamps import TIMES_OF_SCENES, TIMESTAMPS, lay_out_times, tokens_of_times

from .settings import TOKENIZER_FILE, Settings


class Prompts:
    """Lays out prompts as `FilaVideoProcessor` does.

    Args:
        folder: Folder of the ONNX files.
        settings: Its settings.
    """

    def __init__(self, folder: Path, settings: Settings):
        self._settings = settings
        self._tokenizer = Tokenizer.from_file(str(folder / TOKENIZER_FILE))
        self.placeholder_id = self._tokenizer.token_to_id(settings.video_token)

    def layout(
        self,
        question: str,
        *,
        num_tokens: int,
        num_scenes: int,
        seconds: np.ndarray,
        duration_seconds: float,
        timestamps: str,
    ) -> np.ndarray:
        """Returns the token ids of a prompt, shape (T,), with placeholders for visual tokens and times of scenes.

        Args:
            question: The user's text.
            num_tokens: Number of visual tokens of the video.
            num_scenes: Number of scenes.
            seconds: Times of the sampled frames.
            duration_seconds: Length of the video.
            timestamps: `"sampled"`, `"selected"`, `"interleaved"` or `"none"`.

        Raises:
            ValueError: If `timestamps` is unknown, or the question contains a control token.
        """
        check_choice("timestamps", timestamps, TIMESTAMPS)
        self._check_question(question)
        video = self._settings.video_token * num_tokens
        if timestamps != "none":
            has_times_of_scenes = timestamps in TIMES_OF_SCENES
            video = lay_out_times(
                self._settings.video_token,
                num_tokens,
                timestamps,
                seconds=seconds.tolist(),
                duration_seconds=duration_seconds,
                num_scenes=num_scenes,
                num_digits=self.times(seconds, duration_seconds).shape[1] if has_times_of_scenes else 0,
            )
        before, between, after = self._settings.prompt
        return np.array(self._encode(before + video + between + question + after))

    def times(self, seconds: np.ndarray, duration_seconds: float) -> np.ndarray:
        """Returns the token ids of the times of the frames, shape (N, digits).

        Raises:
            ValueError: If the tokenizer makes different numbers of tokens of them.
        """
        return np.array(tokens_of_times(seconds.tolist(), duration_seconds, self._encode_all))

    def decode(self, ids: list[int]) -> str:
        """Returns the text of an answer, without control tokens."""
        return self._tokenizer.decode(ids, skip_special_tokens=True)

    def _check_question(self, question: str) -> None:
        added = self._tokenizer.get_added_tokens_decoder().values()
        control_tokens = [token.content for token in added if token.special]
        if found := [token for token in control_tokens if token in question]:
            raise ValueError(f"The question contains {found[0]!r}, which has a meaning of its own in a prompt.")

    def _encode(self, text: str) -> list[int]:
        return self._tokenizer.encode(text, add_special_tokens=False).ids

    def _encode_all(self, texts: list[str]) -> list[list[int]]:
        return [self._encode(text) for text in texts]
