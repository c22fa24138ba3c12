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
"""Which subtitles stand in the prompt of a video, and how they are written."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from .reader_subtitles import SubtitleLine
from .reader_warnings import warn_user


# Which lines are taken; see `choose_lines`.
SUBTITLE_LINES = ("all", "frames", "scenes")
DEFAULT_MAX_SUBTITLE_TOKENS = 4096
BEGINNING = "The subtitles of this video are:"


class SubtitleWarning(UserWarning):
    """Not all subtitles of a video are in the prompt."""


def choose_lines(
    lines: Sequence[SubtitleLine],
    frame_seconds: Sequence[float],
    which: str,
    scenes: Sequence[Mapping[str, Any]] | None = None,
) -> list[SubtitleLine]:
    """Chooses the subtitles that belong to the sampled frames or to the selected scenes.

    Args:
        lines: All subtitles, in the order of their start.
        frame_seconds: Times of the sampled frames in seconds, sorted.
        which: `"all"` for those on the screen at any time from the first to the last sampled frame, `"frames"` for
            those on the screen when a sampled frame is shown, `"scenes"` for those on the screen at any time from the
            first to the last frame of a scene.
        scenes: The scenes, each with the sorted `frame_seconds` of its frames; only for `"scenes"`.

    Raises:
        ValueError: If `which` is none of these, or `"scenes"` without scenes.
    """
    if which == "frames":
        return [line for line in lines if any(line.start_seconds <= time < line.end_seconds for time in frame_seconds)]
    if which == "all":
        spans = [(frame_seconds[0], frame_seconds[-1])]
    elif which == "scenes":
        spans = [(scene["frame_seconds"][0], scene["frame_seconds"][-1]) for scene in _known(scenes)]
    else:
        raise ValueError(f"subtitle_lines={which!r} must be one of {', '.join(map(repr, SUBTITLE_LINES))}.")
    return [
        line for line in lines if any(line.end_seconds > first and line.start_seconds <= last for first, last in spans)
    ]


def _known(scenes: Sequence[Mapping[str, Any]] | None) -> Sequence[Mapping[str, Any]]:
    if scenes is None:
        raise ValueError(
            "subtitle_lines='scenes' needs the scenes, which only the model knows: ask the pipeline, or encode the "
            "video first and give subtitle_scenes, what post_process_scenes returns."
        )
    return scenes


def write_lines(lines: Iterable[SubtitleLine]) -> str:
    """Writes subtitles, each on a line with its times in seconds: `1.0 to 2.5 seconds: Hello`."""
    texts = [f"{line.start_seconds:.1f} to {line.end_seconds:.1f} seconds: {line.text}" for line in lines]
    return "\n".join([BEGINNING, *texts])


def write_within(lines: Sequence[SubtitleLine], count_tokens: Callable[[str], int], max_tokens: int) -> str:
    """Writes the subtitles that fit into a number of tokens.

    If not all of them fit, lines are left out evenly over the video.

    Args:
        lines: The subtitles.
        count_tokens: Counts the tokens of a text.
        max_tokens: Largest number of tokens.

    Returns:
        The text; empty if there are no subtitles or not even one fits.

    Warns:
        SubtitleWarning: If subtitles are left out; the message says how many.

    Raises:
        ValueError: If `max_tokens` is not positive.
    """
    if max_tokens <= 0:
        raise ValueError(f"max_subtitle_tokens must be positive, got {max_tokens}.")

    def fits(count: int) -> bool:
        return count_tokens(write_lines(spread(lines, count))) <= max_tokens

    fewest, most = 0, min(len(lines), 1)
    while fewest < most and fits(most):  # from below: the text of a large file is never tokenized as a whole
        fewest, most = most, min(len(lines), 2 * most)
    while fewest < most:  # the largest number of lines that fits
        middle = (fewest + most + 1) // 2
        if fits(middle):
            fewest = middle
        else:
            most = middle - 1
    if fewest < len(lines):
        warn_user(
            f"{len(lines) - fewest} of {len(lines)} subtitles are left out: all of them have more than "
            f"max_subtitle_tokens={max_tokens} tokens.",
            SubtitleWarning,
        )
    return write_lines(spread(lines, fewest)) if fewest else ""


def spread(lines: Sequence[SubtitleLine], count: int) -> list[SubtitleLine]:
    """Takes `count` lines, evenly spread over all."""
    return [lines[(2 * place + 1) * len(lines) // (2 * count)] for place in range(count)]


def without_markers(text: str, markers: Iterable[str]) -> str:
    """Removes the marks of the tokenizer's special tokens, so that subtitles cannot pretend to be a turn or a video.

    Args:
        text: A subtitle.
        markers: Special tokens, such as `<|im_start|>` and `<video>`.
    """
    by_length = sorted(filter(None, markers), key=len, reverse=True)
    while found := next((marker for marker in by_length if marker in text), None):
        text = text.replace(found, " ")
    return " ".join(text.split())
