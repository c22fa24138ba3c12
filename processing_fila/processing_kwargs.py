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
The types of the processors' arguments.

They have a file of their own so that a processor that was loaded as remote code can be sent to other processes with
dill, as `datasets.map(num_proc=...)` does. dill finds by name what a file imports from another one, but rebuilds what
is defined next to a class of an Auto class, and a `TypedDict` cannot be rebuilt.
"""

from typing import Any

from transformers.processing_utils import ProcessingKwargs, VideosKwargs


class FilaVideoVideosKwargs(VideosKwargs, total=False):  # type: ignore[call-arg]
    """
    Args:
        max_frames (`int`): the most frames ever taken from a video, however it is sampled.
        start_seconds, end_seconds (`float`): the part of the video to sample; times stay those of the whole video.
        source_fps (`float`): frames per second of videos given as frames.
        seek_mode (`str`): `"exact"`, or `"keyframe"` for the key frames nearest to those chosen, which is faster.
        as_bytes (`bool`): leave rescaling and normalization to the model, which gets uint8: a quarter of the memory.
        timestamps (`str`): what [`FilaVideoProcessor`] writes into the prompt; see there.
        url_timeout_seconds, url_total_seconds (`float`), url_max_bytes (`int`), url_policy (`str`): limits and allowed
            addresses of http(s) URLs; see [`VideoReader`].
        on_damage (`str`): `"warn"` or `"error"` for videos that are damaged or cut off.
        max_pixels (`int`), max_seconds (`float`): limits on the pictures of a file and on the time of reading it; see
            [`VideoReader`].
        subtitles, subtitle_lines, subtitle_scenes, subtitle_language, max_subtitle_tokens: what
            [`FilaVideoProcessor`] writes of the subtitles into the prompt; see there.
    """

    max_frames: int | None
    start_seconds: float | None
    end_seconds: float | None
    source_fps: float | None
    seek_mode: str | None
    as_bytes: bool | None
    timestamps: str | None
    url_timeout_seconds: float | None
    url_total_seconds: float | None
    url_max_bytes: int | None
    url_policy: str | None
    on_damage: str | None
    max_pixels: int | None
    max_seconds: float | None
    subtitles: Any
    subtitle_lines: str | None
    subtitle_scenes: Any
    subtitle_language: str | None
    max_subtitle_tokens: int | None


class FilaVideoProcessorKwargs(ProcessingKwargs, total=False):  # type: ignore[call-arg]
    videos_kwargs: FilaVideoVideosKwargs

    _defaults = {}  # type: ignore[var-annotated]  # a TypedDict inherits no values; transformers 5.17 reads this one
