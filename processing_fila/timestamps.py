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
How a prompt tells the language model when the frames of a video were shown: the sentence of section 3.3 of the paper
after the visual tokens, or a time before the visual tokens of each scene.
"""

from collections.abc import Callable, Sequence


# The ways in which a prompt can state times; see `FilaVideoProcessor`.
TIMESTAMPS = ("sampled", "selected", "interleaved", "none")
# Those with the times of the scenes, which only the model knows.
TIMES_OF_SCENES = ("selected", "interleaved")

# From texts to the token ids of each.
Tokenize = Callable[[list[str]], list[list[int]]]


def timestamp_sentence(frame_seconds: Sequence[float], duration_seconds: float) -> str:
    """
    `This video samples N frames of a T-second video at t1, t2, ... seconds.`

    Args:
        frame_seconds: Times of the sampled frames, in seconds from the start of the video.
        duration_seconds: Length of the video.

    Raises:
        ValueError: If there is no frame.
    """
    return sentence_with([f"{seconds:.1f}" for seconds in frame_seconds], duration_seconds)


def sentence_with(times: Sequence[str], duration_seconds: float) -> str:
    """The sentence of [`timestamp_sentence`], with times as they are to be written."""
    return f"{_beginning(times, duration_seconds)} at {', '.join(times)} seconds."


def append_times(token: str, num_tokens: int, times: Sequence[str], duration_seconds: float) -> str:
    """
    `<video><video> ... <video>`, a line break, and the sentence of [`timestamp_sentence`].

    Args:
        token: The placeholder of a visual token.
        num_tokens: Number of visual tokens of the video.
        times: Times of its frames or scenes, as they are to be written.
        duration_seconds: Length of the video.

    Raises:
        ValueError: If there is no time.
    """
    return f"{token * num_tokens}\n{sentence_with(times, duration_seconds)}"


def interleave_times(token: str, num_tokens: int, times: Sequence[str], duration_seconds: float) -> str:
    """
    `This video samples S frames of a T-second video.`, a line break, and `<t1 seconds><video> ... <t2
    seconds><video> ...`.

    Arguments and errors are those of [`append_times`], with the times of the S scenes. Each scene has the same number
    of visual tokens; the last one also has those that are left over.
    """
    beginning = _beginning(times, duration_seconds)
    tokens_of_scene, rest = divmod(num_tokens, len(times))
    scenes = "".join(f"<{time} seconds>{token * tokens_of_scene}" for time in times)
    return f"{beginning}.\n{scenes}{token * rest}"


def lay_out_times(
    token: str,
    num_tokens: int,
    timestamps: str,
    *,
    seconds: Sequence[float],
    duration_seconds: float,
    num_scenes: int,
    num_digits: int,
) -> str:
    """
    The text that stands in the prompt for a video whose times are stated.

    Args:
        token: The placeholder of a visual token.
        num_tokens: Number of visual tokens of the video.
        timestamps: `"sampled"`, `"selected"` or `"interleaved"`.
        seconds: Times of the sampled frames.
        duration_seconds: Length of the video.
        num_scenes: Number of scenes.
        num_digits: Number of tokens of the time of a scene, each of which has a placeholder.

    Raises:
        ValueError: If there is no time.
    """
    times = [time_text(time, 0) for time in seconds]
    if timestamps in TIMES_OF_SCENES:
        times = [token * num_digits] * num_scenes
    write = interleave_times if timestamps == "interleaved" else append_times
    return write(token, num_tokens, times, duration_seconds)


def _beginning(times: Sequence[str], duration_seconds: float) -> str:
    if len(times) == 0:
        raise ValueError("A video without frames has no timestamps.")
    frames = "1 frame" if len(times) == 1 else f"{len(times)} frames"
    return f"This video samples {frames} of a {duration_seconds:.1f}-second video"


def tokens_of_times(seconds: Sequence[float], duration_seconds: float, tokenize: Tokenize) -> list[list[int]]:
    """
    The token ids of the times of a video's frames, the same number for each. Arguments as in [`equally_long_times`].

    Raises:
        ValueError: If the numbers of tokens differ; the message names two such times.
    """
    texts = equally_long_times(seconds, duration_seconds, tokenize)
    ids = tokenize(texts)
    for text, tokens in zip(texts, ids, strict=True):
        if len(tokens) != len(ids[0]):
            raise ValueError(
                f"Times of scenes in the prompt need the same number of tokens each, as Qwen2's tokenizer makes of "
                f"digits: this tokenizer makes {len(ids[0])} tokens of {texts[0]!r} and {len(tokens)} of {text!r}."
            )
    return ids


def equally_long_times(seconds: Sequence[float], duration_seconds: float, tokenize: Tokenize) -> list[str]:
    """
    Times of scenes as they are written, so that each has the same number of tokens if possible.

    Times have one decimal, such as `3.2`. If the tokenizer makes different numbers of tokens of them, zeros on the left
    make all times as wide as the video's length: `003.2` in a video of 123.4 seconds.

    Args:
        seconds: Times in seconds from the start of the video.
        duration_seconds: Length of the video.
        tokenize: The tokenizer of the language model.
    """
    texts = [time_text(time, 0) for time in seconds]
    if _have_equal_lengths(tokenize, {"0.0", *texts}):
        return texts
    width = len(f"{duration_seconds:.1f}")
    return [time_text(time, width) for time in seconds]


def time_text(seconds: float, width: int) -> str:
    """A time with zeros on the left: `time_text(3.21, 5) == "003.2"` and `time_text(3.21, 0) == "3.2"`."""
    return f"{seconds:0{width}.1f}"


def _have_equal_lengths(tokenize: Tokenize, texts: set[str]) -> bool:
    by_length = sorted(texts, key=len)
    # With most tokenizers the shortest and the longest time differ already.
    return all(
        len({len(tokens) for tokens in tokenize(some)}) == 1 for some in ([by_length[0], by_length[-1]], by_length)
    )
