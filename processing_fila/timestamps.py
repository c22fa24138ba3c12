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

from collections.abc import Sequence
from typing import NamedTuple


class VideoText(NamedTuple):
    """What stands in a prompt for a video, and the first character and end of each time in it."""

    text: str
    time_spans: list[tuple[int, int]]


def timestamp_sentence(frame_seconds: Sequence[float], duration_seconds: float) -> str:
    """
    `This video samples N frames of a T-second video at t1, t2, ... seconds.`

    Args:
        frame_seconds: times of the sampled frames, in seconds from the start of the video.
        duration_seconds: length of the video.

    Raises:
        `ValueError`: if there is no frame.
    """
    times = [f"{seconds:.1f}" for seconds in frame_seconds]
    return f"{_beginning(times, duration_seconds)} at {', '.join(times)} seconds."


def append_times(token: str, num_tokens: int, times: Sequence[str], duration_seconds: float) -> VideoText:
    """
    `<video><video> ... <video>`, a line break, and the sentence of `timestamp_sentence`.

    Args:
        token: the placeholder of a visual token.
        num_tokens: how many the video has.
        times: of its frames or scenes, as they are to be written.
        duration_seconds: length of the video.

    Raises:
        `ValueError`: if there is no time.
    """
    parts = [f"{token * num_tokens}\n{_beginning(times, duration_seconds)} at "]
    for time in times:
        parts.extend((time, ", "))
    return _with_spans([*parts[:-1], " seconds."], len(times))


def interleave_times(token: str, num_tokens: int, times: Sequence[str], duration_seconds: float) -> VideoText:
    """
    `This video samples S frames of a T-second video.`, a line break, and `<t1 seconds><video> ... <t2
    seconds><video> ...`. Arguments and errors are those of `append_times`, with the times of the S scenes. Each scene
    has as many tokens, the last one also what is left over.
    """
    parts = [f"{_beginning(times, duration_seconds)}.\n<"]
    tokens_of_scene, rest = divmod(num_tokens, len(times))
    for time in times:
        parts.extend((time, f" seconds>{token * tokens_of_scene}<"))
    parts[-1] = parts[-1].removesuffix("<") + token * rest
    return _with_spans(parts, len(times))


def _beginning(times: Sequence[str], duration_seconds: float) -> str:
    if len(times) == 0:
        raise ValueError("A video without frames has no timestamps.")
    return f"This video samples {len(times)} frames of a {duration_seconds:.1f}-second video"


def _with_spans(parts: list[str], num_times: int) -> VideoText:
    """Parts of which every second one is a time."""
    starts = [0]
    for part in parts:
        starts.append(starts[-1] + len(part))
    return VideoText("".join(parts), [(starts[place], starts[place + 1]) for place in range(1, 2 * num_times, 2)])
