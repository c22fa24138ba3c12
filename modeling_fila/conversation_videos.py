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
"""The videos in the messages of conversations."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any


TYPES = ("video", "video_url", "input_video")
SOURCES = ("video", "url", "path", "video_url")

Message = dict[str, Any]


def is_video(part: Any) -> bool:
    """Whether a part of a message holds a video."""
    return part.get("type") in TYPES


def video_parts(conversations: Iterable[list[Message]]) -> list[dict[str, Any]]:
    """Returns the parts of all conversations that are videos, in the order of their placeholders."""
    messages = [message for conversation in conversations for message in conversation]
    contents = [message.get("content") or [] for message in messages]
    parts = [part for content in contents if not isinstance(content, str) for part in content]
    return [part for part in parts if is_video(part)]


def video_of(part: dict[str, Any]) -> Any:
    """Returns the video of a part."""
    return next((part[source] for source in SOURCES if part.get(source) is not None), None)


def videos_of(conversations: Iterable[list[Message]]) -> list[Any]:
    """Returns the videos of all conversations, in the order of their placeholders."""
    return [video_of(part) for part in video_parts(conversations)]


def put_videos(conversations: Iterable[list[Message]], videos: Sequence[Any]) -> list[list[Message]]:
    """
    Returns conversations with other videos in place of theirs, and without the options of theirs.

    Args:
        conversations: The conversations, which stay as they are.
        videos: A video for each of theirs, in the same order.
    """
    places = iter(videos)
    return [[_put(message, places) for message in conversation] for conversation in conversations]


def _put(message: Message, videos: Iterator[Any]) -> Message:
    content = message.get("content")
    if not content or isinstance(content, str):
        return message
    parts = [{"type": "video", "video": next(videos)} if is_video(part) else part for part in content]
    return {**message, "content": parts}
