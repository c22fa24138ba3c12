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
The sentence that tells the language model when each sampled frame was shown (section 3.3 of the paper).
"""

from collections.abc import Sequence


def timestamp_sentence(frame_seconds: Sequence[float], duration_seconds: float) -> str:
    """
    `This video samples N frames of a T-second video at t1, t2, ... seconds.`

    Args:
        frame_seconds: times of the sampled frames, in seconds from the start of the video.
        duration_seconds: length of the video.

    Raises:
        `ValueError`: if there is no frame.
    """
    return sentence_of_times([f"{seconds:.1f}" for seconds in frame_seconds], duration_seconds)[0]


def sentence_of_times(times: Sequence[str], duration_seconds: float) -> tuple[str, list[tuple[int, int]]]:
    """
    The sentence with times as they are written, and the first character and end of each time in it.

    Raises:
        `ValueError`: if there is no time.
    """
    if len(times) == 0:
        raise ValueError("A video without frames has no timestamps.")
    beginning = f"This video samples {len(times)} frames of a {duration_seconds:.1f}-second video at "
    spans, start = [], len(beginning)
    for time in times:
        spans.append((start, start + len(time)))
        start += len(time) + len(", ")
    return f"{beginning}{', '.join(times)} seconds.", spans
