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
Prompts that carry the times of the scenes, which the model only finds later (`timestamps="selected"`, `"interleaved"`).

The processor writes a time slot for each scene, such as `000.0`, with as many tokens as every time of the video, and
sends along the tokens of every sampled frame's time. The model fills the slots when it has selected.
Shape letters: B prompts, T tokens, V videos, N frames, S scenes; digits are the tokens of a time.
"""

from bisect import bisect_left
from collections.abc import Sequence

import torch
from torch.nn.utils.rnn import pad_sequence
from transformers import PreTrainedTokenizerBase


def slot_width(tokenizer: PreTrainedTokenizerBase, seconds: Sequence[float], duration_seconds: float) -> int:
    """
    Characters that every time of a video is filled up to: those of its length, `len("123.4")`, or 0 if the tokenizer
    makes as many tokens of each time as it is.
    """
    texts = sorted({time_text(time, 0) for time in (0.0, *seconds)}, key=len)
    # With most tokenizers the shortest and the longest tell already.
    is_same = all(_has_equal_tokens(tokenizer, some) for some in ([texts[0], texts[-1]], texts))
    return 0 if is_same else len(f"{duration_seconds:.1f}")


def time_text(seconds: float, width: int) -> str:
    """A time, filled up with zeros on the left: `time_text(3.21, 5) == "003.2"`, `time_text(3.21, 0) == "3.2"`."""
    return f"{seconds:0{width}.1f}"


def tokenize_times(tokenizer: PreTrainedTokenizerBase, seconds: Sequence[float], width: int) -> torch.LongTensor:
    """
    The tokens of times, `(N, digits)`.

    Raises:
        `ValueError`: if the tokenizer makes unequal numbers of tokens of them, so that no slot fits all.
    """
    texts = [time_text(time, width) for time in seconds]
    ids = _tokenize(tokenizer, texts)
    for text, tokens in zip(texts, ids, strict=True):
        if len(tokens) != len(ids[0]):
            raise ValueError(
                f"Times of scenes in the prompt need as many tokens each, as Qwen2's tokenizer makes of digits: "
                f"this one makes {len(ids[0])} tokens of {texts[0]!r} and {len(tokens)} of {text!r}."
            )
    return torch.tensor(ids, dtype=torch.long)


def _tokenize(tokenizer: PreTrainedTokenizerBase, texts: list[str]) -> list[list[int]]:
    return tokenizer(texts, add_special_tokens=False, padding=False)["input_ids"]


def _has_equal_tokens(tokenizer: PreTrainedTokenizerBase, texts: list[str]) -> bool:
    return len({len(tokens) for tokens in _tokenize(tokenizer, texts)}) == 1


def pad_time_ids(time_ids: list[torch.LongTensor]) -> torch.LongTensor:
    """Times of several videos, each `(N, digits)`, as one tensor `(V, N, digits)`, filled up with 0."""
    num_digits = max(ids.shape[1] for ids in time_ids)
    wide = [torch.nn.functional.pad(ids, (0, num_digits - ids.shape[1])) for ids in time_ids]
    return pad_sequence(wide, batch_first=True)


def find_slots(
    offsets: Sequence[tuple[int, int]], spans: Sequence[tuple[int, int]], num_digits: int
) -> list[tuple[int, int, int]]:
    """
    The tokens of a prompt that lie in time slots.

    Args:
        offsets: first character and end of each token, (0, 0) for padding.
        spans: first character and end of each slot, in order, none within another.
        num_digits: tokens of each slot.

    Returns:
        (token, slot, digit) for each.

    Raises:
        `ValueError`: if a slot has another number of tokens, because the tokenizer joins its first or last digit with
            what stands beside it.
    """
    tokens_of: list[list[int]] = [[] for _ in spans]
    starts = [start for start, _ in spans]
    for token, (first, last) in enumerate(offsets):
        slot = bisect_left(starts, last) - 1  # the last one that starts before the token ends
        # A token may reach into several: none of them is then as it is alone.
        while slot >= 0 and spans[slot][1] > first:
            tokens_of[slot].append(token)
            slot -= 1
    for tokens in tokens_of:
        if len(tokens) != num_digits:
            raise ValueError(f"A time slot has {len(tokens)} tokens in the prompt, but {num_digits} alone.")
    return [(token, slot, digit) for slot, tokens in enumerate(tokens_of) for digit, token in enumerate(tokens)]
