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


def _beginning(times: Sequence[str], duration_seconds: float) -> str:
    if len(times) == 0:
        raise ValueError("A video without frames has no timestamps.")
    return f"This video samples {len(times)} frames of a {duration_seconds:.1f}-second video"
