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
Collects the arguments for videos, and refuses an argument that is given in two places.

The pipeline passes its arguments on (`pipeline_fila.py`), `processing_fila_video.py` hands those of `LOADING_ARGUMENTS`
to `video_loading.py`, and `frame_sampling.py` chooses the frames.
"""

from reprlib import repr as shorten
from typing import Any


# Options of `VideoReader`.
READER_ARGUMENTS = (
    *("url_timeout_seconds", "url_total_seconds", "url_max_bytes", "url_policy"),
    *("max_pixels", "max_seconds", "on_damage"),
)
# Arguments that say which frames to take and how; they are not needed after the frames have been loaded.
LOADING_ARGUMENTS = (
    *("do_sample_frames", "num_frames", "fps", "max_frames", "seek_mode", "video_metadata"),
    *("start_seconds", "end_seconds", "source_fps", "loaded_videos", "video_memory"),
    *READER_ARGUMENTS,
)
# Arguments about the size and the values of frames; they are needed when frames are loaded, and again afterwards.
SHAPE_ARGUMENTS = ("size", "do_resize", "resample", "do_rescale")
# Arguments about subtitles, which become a part of the prompt.
SUBTITLE_ARGUMENTS = (
    *("subtitles", "subtitle_lines", "subtitle_scenes", "subtitle_language", "max_subtitle_tokens"),
    "scenes_follow",  # the pipeline's, which writes the prompt once more when the scenes are known
)
# Arguments of the processor that concern videos alone, so that they can be told from those of the tokenizer.
VIDEO_ARGUMENTS = (*LOADING_ARGUMENTS, *SUBTITLE_ARGUMENTS, "timestamps", "as_bytes", "return_metadata")


def gather_video_arguments(kwargs: dict[str, Any]) -> dict[str, Any]:
    """
    Moves the arguments for videos that were given directly into `videos_kwargs`.

    Raises:
        ValueError: If one is given in both places; the message names both values.
    """
    kwargs = dict(kwargs)
    options = dict(kwargs.pop("videos_kwargs", None) or {})
    direct = {name: kwargs.pop(name) for name in VIDEO_ARGUMENTS if name in kwargs}
    check_given_once(direct, "videos_kwargs", options)
    return {**kwargs, "videos_kwargs": {**options, **direct}}


def check_given_once(direct: dict[str, Any], name_of_other: str, other: dict[str, Any]) -> None:
    """
    Refuses arguments that are given in two places.

    Raises:
        ValueError: If one is in both; the message names both values.
    """
    for name in direct.keys() & other.keys():
        values = shorten(direct[name]), shorten(other[name])
        raise ValueError(f"{name} is given twice: {name}={values[0]} and {name_of_other}[{name!r}]={values[1]}.")


def override(earlier: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
    """
    Puts the options of one video in place of those of a call. `num_frames` and `fps` replace each other, and a smaller
    `max_frames` bounds the `num_frames` of the call.
    """
    replaced = {{"num_frames": "fps", "fps": "num_frames"}.get(name) for name in own}
    merged = {**{name: value for name, value in earlier.items() if name not in replaced}, **own}
    if "max_frames" in own and "num_frames" in merged and "num_frames" not in own:
        merged["num_frames"] = min(merged["num_frames"], own["max_frames"])
    return merged
