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
"""The parts of chat messages in one form, whichever client or data set wrote them."""

from collections.abc import Mapping
from reprlib import repr as shorten
from typing import Any


# Types of parts as OpenAI's interfaces name them.
TYPES = {
    "input_text": "text",
    "input_image": "image",
    "image_url": "image",
    "input_video": "video",
    "video_url": "video",
}
SOURCES = {
    "image": ("image", "url", "path", "base64", "image_url"),
    "video": ("video", "url", "path", "video_url"),
}
# Keys of a video part that are arguments for this video alone.
VIDEO_OPTIONS = (
    *("num_frames", "fps", "max_frames", "start_seconds", "end_seconds"),
    *("source_fps", "video_metadata", "subtitles"),
)
OTHER_NAMES = {"video_start": "start_seconds", "video_end": "end_seconds"}


def normalize_parts(content: Any) -> Any:
    """
    Brings the content of a message into one form.

    Args:
        content: A text, or a list of parts. A value of None counts as absent, as data sets store it.

    Returns:
        The text; or the parts with the types `text`, `image` and `video`, and others as they are. An image or video
        stands under `image` or `video`, and the options of a video have the names of `VIDEO_OPTIONS`.

    Raises:
        ValueError: If a video part has a key that has no meaning, or names two videos.
    """
    if not isinstance(content, (list, tuple)):
        return content
    return [normalize_part(part) if isinstance(part, Mapping) else part for part in content]


def normalize_part(part: Mapping[str, Any]) -> dict[str, Any]:
    """Brings one part into the form that [`normalize_parts`] describes."""
    part = {name: value for name, value in part.items() if value is not None}
    kind = TYPES.get(part.get("type", ""), part.get("type"))
    part["type"] = kind
    if kind not in SOURCES:
        return part
    sources = [name for name in SOURCES[kind] if name in part]
    if len(sources) != 1:
        if kind == "video" and sources:
            raise ValueError(f"A video part names more than one video: {', '.join(sources)}.")
        return part
    source: Any = part.pop(sources[0])
    if sources[0].endswith("_url") and isinstance(source, Mapping):
        source, part = source.get("url"), {**part, **{name: source[name] for name in source if name != "url"}}
    part = {"type": kind, kind: source, **part}
    return _with_known_options(part) if kind == "video" else part


def _with_known_options(part: dict[str, Any]) -> dict[str, Any]:
    options: dict[str, Any] = {}
    for name, value in part.items():
        name = OTHER_NAMES.get(name, name)
        if name not in ("type", "video", *VIDEO_OPTIONS):
            raise ValueError(
                f"A video part has the unknown key {name!r} with the value {shorten(value)}: it may hold "
                f"{', '.join(VIDEO_OPTIONS)}."
            )
        if name in options:
            raise ValueError(f"A video part gives {name} twice: {shorten(options[name])} and {shorten(value)}.")
        options[name] = value
    return options
