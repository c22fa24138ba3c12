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
"""
The times of scenes in a prompt (`timestamps="selected"` and `"interleaved"`), as token ids.

Only the model knows which scenes a video has. So the tokens of each scene's time stand in the prompt as placeholders,
like its visual tokens. The ids of the times of all sampled frames go to the model, which embeds those of the scenes
that it selects. This works only if all times of a video have the same number of tokens.

Shape letters: V videos, N sampled frames; "digits" is the number of tokens of a time.
"""

from collections.abc import Sequence

import torch
from torch.nn.utils.rnn import pad_sequence
from transformers import PreTrainedTokenizerBase

from .timestamps import tokens_of_times


PADDING_ID = -1  # no token


def tokenize_times(
    tokenizer: PreTrainedTokenizerBase, seconds: Sequence[float], duration_seconds: float
) -> torch.LongTensor:
    """
    The token ids of the times of a video's frames.

    [`timestamps.equally_long_times`] says how times are written.

    Args:
        tokenizer: The tokenizer of the language model.
        seconds: Time of each of the N frames, in seconds from the start of the video.
        duration_seconds: Length of the video.

    Returns:
        A tensor of shape `(N, digits)`.

    Raises:
        ValueError: If the numbers of tokens differ even then; the message names two such times.
    """
    ids = tokens_of_times(seconds, duration_seconds, lambda texts: _tokenize(tokenizer, texts))
    return torch.tensor(ids, dtype=torch.long)


def pad_time_ids(time_ids: list[torch.LongTensor]) -> torch.LongTensor:
    """The times of V videos, each `(N, digits)`, as one tensor `(V, N, digits)`, padded with -1."""
    num_digits = max(ids.shape[1] for ids in time_ids)
    wide = [torch.nn.functional.pad(ids, (0, num_digits - ids.shape[1]), value=PADDING_ID) for ids in time_ids]
    return pad_sequence(wide, batch_first=True, padding_value=PADDING_ID)


def count_digits(time_ids: torch.LongTensor) -> int:
    """Number of tokens of each time of one video, from its padded ids `(N, digits)`."""
    return int((time_ids[0] != PADDING_ID).sum())


def _tokenize(tokenizer: PreTrainedTokenizerBase, texts: list[str]) -> list[list[int]]:
    return tokenizer(texts, add_special_tokens=False, padding=False)["input_ids"]
