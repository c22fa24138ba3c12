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
"""Conversations in batches, and the videos in them: what goes through the pipeline together."""

import os
from collections.abc import Hashable, Iterable, Iterator, Mapping
from copy import copy
from itertools import compress, islice, repeat
from typing import Any

from torch.utils.data import Dataset

from .conversation_videos import SOURCES, Message, video_of, video_parts, videos_of
from .repeated_videos import KnownVideos
from .video_memory import VideoMemory


class PromptBatch:
    """Conversations that go through the model together.

    This is a class because transformers would treat a list as several inputs. It would also move tensors in dicts and
    lists, here the frames of the user, to the model's device.

    Attributes:
        conversations: The messages of each prompt.
        video_metadata: For each conversation the entries for its videos, if the call has `video_metadata`.
        known_videos: What was read and encoded for the batch before, in the same call, if both are about a video.
        sanitize_control_tokens: Whether markers in the messages are plain text.
        once_more: Arguments of the processor, if the prompts are written once more when the scenes are known.
    """

    sanitize_control_tokens: bool = False
    once_more: dict[str, Any] | None = None

    def __init__(
        self,
        conversations: list[list[Message]],
        video_metadata: list[list[Any]] | None = None,
        known_videos: KnownVideos | None = None,
    ):
        self.conversations, self.video_metadata = conversations, video_metadata
        self.known_videos = KnownVideos() if known_videos is None else known_videos

    def only(self, is_kept: list[bool]) -> "PromptBatch":
        """The conversations that are kept."""
        metadata = None if self.video_metadata is None else list(compress(self.video_metadata, is_kept))
        return PromptBatch(list(compress(self.conversations, is_kept)), metadata, self.known_videos)

    def split(self) -> list["PromptBatch"]:
        """Each conversation alone. They share no memory with this batch, which may be larger."""
        places = range(len(self.conversations))
        return [self.only([place == kept for place in places]).with_known(KnownVideos()) for kept in places]

    def with_conversations(self, conversations: list[list[Message]]) -> "PromptBatch":
        """The same batch, with other messages about its videos."""
        other = copy(self)
        other.conversations = conversations
        return other

    def with_known(self, known_videos: KnownVideos) -> "PromptBatch":
        """The same conversations, with this in place of what is known of their videos."""
        return PromptBatch(self.conversations, self.video_metadata, known_videos)


def make_batches(conversations: Iterable[list[Message]], size: int, video_metadata: Any) -> Iterator[PromptBatch]:
    """Puts conversations into batches. A batch about a video of the batch before shares what is known of it."""
    known = KnownVideos()
    names: set[Hashable] = set()
    if video_metadata is not None:
        conversations = list(conversations)
        entries: Iterable[Any] = batched(split_metadata(video_metadata, conversations), size)
    else:
        entries = repeat(None)
    for batch, metadata in zip(batched(conversations, size), entries, strict=False):
        names_before, names = names, set(map(name_of_video, video_parts(batch)))
        if not names & names_before:
            known = KnownVideos()
        held = batch  # names can be ids of objects, which have to exist until they have been compared
        yield PromptBatch(held, metadata, known)


class PromptBatches(Dataset):
    """The batches of a list of conversations, by number. `num_workers` processes can prepare them."""

    def __init__(self, batches: list[PromptBatch]):
        self.batches = batches
        self._copy = Copies()

    def __len__(self) -> int:
        return len(self.batches)

    def __getitem__(self, index: int) -> PromptBatch:
        return self._copy.of(self.batches[index])


class Copies:
    """Makes copies of batches, which share what is known of videos as the originals do.

    The frames of a copy go with it, while a list holds all originals, and transformers the first one of a generator.
    """

    def __init__(self) -> None:
        self._before, self._known = KnownVideos(), KnownVideos()

    def of(self, batch: PromptBatch) -> PromptBatch:
        """Returns a copy of the next batch."""
        if batch.known_videos is not self._before:
            self._before, self._known = batch.known_videos, KnownVideos()
        return batch.with_known(self._known)


def split_metadata(given: Any, conversations: Iterable[list[Message]]) -> Iterator[list[Any]]:
    """
    Yields the entries of `video_metadata` for each conversation.

    Args:
        given: One entry, which is used for all videos; a list with one for each video of the call; or a list with one
            for each video of a conversation, which is used for all of them if they have the same number of videos.
        conversations: The conversations of the call.

    Raises:
        ValueError: If there is not one entry for each video.
    """
    counts = [len(videos_of([conversation])) for conversation in conversations]
    if isinstance(given, Mapping):
        yield from ([given] * count for count in counts)
        return
    entries = list(given)
    if len(set(counts)) == 1 and len(entries) == counts[0]:
        entries = entries * len(counts)
    if len(entries) != sum(counts):
        raise ValueError(f"{sum(counts)} videos but {len(entries)} entries in video_metadata: give one for each video.")
    places = iter(entries)
    yield from (list(islice(places, count)) for count in counts)


def batched(items: Iterable[Any], size: int) -> Iterator[list[Any]]:
    """Yields lists of `size` items. The last list may be shorter."""
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch


def reading_arguments(
    batch: PromptBatch, memory: VideoMemory | None, processor_kwargs: dict[str, Any] | None
) -> dict[str, Any]:
    """Returns the arguments of the processor with which the videos of a batch are read."""
    metadata = {} if batch.video_metadata is None else {"video_metadata": sum(batch.video_metadata, [])}
    known = {"loaded_videos": batch.known_videos.loaded, "video_memory": memory}
    return {**known, **(processor_kwargs or {}), **metadata}


def name_of_video(part: dict[str, Any]) -> Hashable:
    """Returns what is equal for parts that name the same file, or hold the same object, with the same options."""
    video = video_of(part)
    if isinstance(video, Mapping):
        video = video.get("path") if video.get("bytes") is None else video["bytes"]
    options = sorted((name, repr(value)) for name, value in part.items() if name not in ("type", *SOURCES))
    return (video if isinstance(video, (str, bytes, os.PathLike)) else id(video)), *options
