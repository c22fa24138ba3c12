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
Videos in any form -> sampled frames in memory. Each video of a call is loaded once, however often it occurs.

Shape letters: N sampled frames, H and W height and width in pixels.
"""

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from reprlib import repr as shorten
from typing import Any

import numpy as np
import torch

from .frame_sampling import frames_between, sample_frame_indices
from .frame_values import as_8_bit
from .loaded_video import LoadedVideo
from .picture_files import PictureFiles
from .reader import VideoReader
from .video_digests import digest_of_frames, digest_of_source, signature_of
from .video_input import GivenVideo, is_decoder, is_video_file, stack_frames
from .video_metadata import FilaVideoMetadata, metadata_of_frames, metadata_of_sample, metadata_of_videos
from .video_stream import VideoStream


@dataclass(frozen=True)
class LoadingOptions:
    """
    Which frames are taken from a video, and how.

    Attributes:
        num_frames: Number of frames to sample.
        fps: Frames per second to sample instead.
        max_frames: Largest number of frames ever taken from a video.
        takes_all: Take every frame; an error if there are more than `max_frames`.
        size: (height, width) to which frames are resized while they are decoded; None keeps their size.
        seek_mode: `"exact"` or `"keyframe"`, as in [`VideoReader.frames_at`].
        reader_options: Options of [`VideoReader`], for files.
        is_8_bit: Bring frames that are given in memory to 0 to 255, as [`as_8_bit`] does, or leave them as they are.
        start_seconds: Take frames from this time of the video on; None is its beginning.
        end_seconds: Take frames up to this time of the video; None is its end.
        source_fps: Frames per second of videos that are given as frames, if their metadata have no times.
    """

    num_frames: int | None
    fps: float | None
    max_frames: int
    takes_all: bool
    size: tuple[int, int] | None
    seek_mode: str
    reader_options: dict[str, Any] = field(default_factory=dict)
    is_8_bit: bool = True
    start_seconds: float | None = None
    end_seconds: float | None = None
    source_fps: float | None = None

    @property
    def sampling(self) -> dict[str, Any]:
        """The arguments of [`sample_frame_indices`]."""
        return {"num_frames": self.num_frames, "fps": self.fps, "max_frames": self.max_frames}

    @property
    def window(self) -> tuple[float | None, float | None]:
        """Beginning and end of the part to sample."""
        return self.start_seconds, self.end_seconds


def load_videos(
    videos: list[GivenVideo],
    video_metadata: Any,
    options_of: Callable[[GivenVideo], LoadingOptions],
    loaded_videos: dict[Hashable, LoadedVideo] | None = None,
    video_memory: Any = None,
) -> list[LoadedVideo]:
    """
    Reads and samples videos.

    Args:
        videos: What the user gave, one entry for each video.
        video_metadata: None, or what the user says about each video; only for videos given as frames.
        options_of: Which frames are taken from a video.
        loaded_videos: Videos of an earlier call, which are not loaded again. It is changed to hold those of this call.
            Objects that were given then must still exist.
        video_memory: What earlier calls have read and encoded, or None. It has `get` and `put`, which remember small
            objects, and `is_encoded`, which tells for the digest of sampled frames whether the model has encoded them.
            A file with such frames is not read. With a memory, the metadata of all videos have a `frames_digest`.
            If `streams_above` is a number, its `encode` gets files of which more frames are sampled, as a stream.

    Returns:
        The loaded videos. The same path, URL, bytes or object with the same metadata gives the same object.

    Raises:
        ValueError: If the metadata do not fit the videos, or a video has more frames than may be taken.
        VideoReadError: If a file cannot be read.
    """
    loaded = {} if loaded_videos is None else loaded_videos
    keys = []
    for video, given in zip(videos, metadata_of_videos(video_metadata, len(videos)), strict=True):
        own = video.options.get("video_metadata")
        if own is not None and given is not None:
            raise ValueError("video_metadata is given twice, for all videos and in a part of a message.")
        given, options = own if given is None else given, options_of(video)
        # The options are those of the call, apart from the video's own ones.
        keys.append((video.key, id(given), repr(options)))
        if keys[-1] not in loaded:
            loaded[keys[-1]] = _load_or_recall(video.content, given, options, video_memory)
    for key in loaded.keys() - set(keys):
        del loaded[key]
    return [loaded[key] for key in keys]


def _load_or_recall(video: Any, given: Mapping[str, Any] | None, options: LoadingOptions, memory: Any) -> LoadedVideo:
    if memory is None:
        return _load(video, given, options)
    signature = signature_of(video)
    source = digest_of_source(video, memory) if given is None else None
    key = (source, repr(options))
    recalled = None if source is None else memory.get(key)
    if recalled is not None and memory.is_encoded(recalled.metadata.frames_digest):
        return recalled.without_frames()
    loaded = _load(video, given, options, memory)
    if loaded.has_frames:
        loaded.metadata.frames_digest = digest_of_frames(loaded.frames, loaded.metadata)
    if source is not None and signature_of(video) == signature:  # not written to in the meantime
        memory.put(key, loaded.without_frames())
    return loaded


def _encode_while_reading(reader: VideoReader, options: LoadingOptions, memory: Any) -> LoadedVideo | None:
    """Lets the model encode the frames of a file as they are read, if they are so many; else returns None."""
    if memory is None or memory.streams_above is None or options.size is None or not options.is_8_bit:
        return None
    sampling = None if options.takes_all else options.sampling
    stream = VideoStream(
        reader, sampling=sampling, window=options.window, size=options.size, seek_mode=options.seek_mode
    )
    if len(stream) <= memory.streams_above:
        return None
    memory.encode(stream)
    metadata = stream.metadata
    metadata.frames_digest = stream.frames_digest
    return LoadedVideo.of(torch.empty(0, 1, 1, 3, dtype=torch.uint8), metadata).without_frames()


def _load(video: Any, given: Mapping[str, Any] | None, options: LoadingOptions, memory: Any = None) -> LoadedVideo:
    if isinstance(video, LoadedVideo):
        return video
    if not is_video_file(video) and not is_decoder(video):
        return _sample_frames(video, _with_source_fps(metadata_of_frames(given, len(video)), options), options)
    if given is not None:
        raise ValueError(
            f"video_metadata={shorten(given)} is given for a file, whose own times are read: leave it out."
        )
    return _read_decoder(video, options) if is_decoder(video) else _read_file(video, options, memory)


def _read_file(video: Any, options: LoadingOptions, memory: Any) -> LoadedVideo:
    with VideoReader(video, **options.reader_options) as reader:
        if options.takes_all:
            inside = frames_between(reader.frame_seconds, *options.window, reader.duration_seconds)
            _check_number(len(inside), options.max_frames)
        encoded = _encode_while_reading(reader, options, memory)
        if encoded is not None:
            return encoded
        sampled = reader.sample(
            **options.sampling,
            size=options.size,
            seek_mode=options.seek_mode,
            start_seconds=options.start_seconds,
            end_seconds=options.end_seconds,
        )
    return LoadedVideo.of(torch.from_numpy(sampled.frames), metadata_of_sample(sampled))


def _read_decoder(decoder: Any, options: LoadingOptions) -> LoadedVideo:
    """
    Reads frames with an object such as torchcodec's `VideoDecoder`. It tells times only of frames that it has decoded,
    so frames are chosen evenly by number; the times of those chosen are the real ones.
    """
    facts, total = decoder.metadata, len(decoder)
    if not total or not facts.average_fps:
        raise ValueError(
            f"{type(decoder).__name__} does not state the number of frames and the frame rate of the video."
        )
    duration = total / facts.average_fps
    chosen = _choose(np.arange(total) / facts.average_fps, duration, options)
    batch = decoder.get_frames_at(indices=chosen.tolist())
    begin = getattr(facts, "begin_stream_seconds", None) or 0.0
    metadata = FilaVideoMetadata(
        total_num_frames=total,
        fps=facts.average_fps,
        width=facts.width,
        height=facts.height,
        duration=duration,
        video_backend="torchcodec",
        frames_indices=chosen.tolist(),
        frame_seconds=[seconds - begin for seconds in batch.pts_seconds.tolist()],
    )
    return LoadedVideo.of(batch.data.cpu(), metadata)


def _sample_frames(
    frames: torch.Tensor | PictureFiles, metadata: FilaVideoMetadata, options: LoadingOptions
) -> LoadedVideo:
    if not metadata.has_timestamps:
        asked = {"fps": options.fps, "start_seconds": options.start_seconds, "end_seconds": options.end_seconds}
        for name, value in asked.items():
            if value is not None:
                raise ValueError(
                    f"{name}={value} needs the times of the frames: give source_fps, the frames per second of the "
                    "source, or video_metadata with 'fps' or 'frame_seconds'; or choose frames with num_frames alone."
                )
    if isinstance(frames, torch.Tensor) and options.is_8_bit:
        frames = as_8_bit(frames)
    seconds = metadata.timestamps if metadata.has_timestamps else metadata.frames_indices
    duration = metadata.duration_seconds if metadata.has_timestamps else len(frames)
    chosen = _choose(np.asarray(seconds, dtype=np.float64), duration, options)
    metadata.frames_indices = [metadata.frames_indices[index] for index in chosen]
    if metadata.frame_seconds is not None:
        metadata.frame_seconds = [metadata.frame_seconds[index] for index in chosen]
    if isinstance(frames, PictureFiles):
        return LoadedVideo.of(stack_frames(frames.pictures_at(chosen)), metadata)
    return LoadedVideo.of(frames[torch.from_numpy(chosen)] if len(chosen) < len(frames) else frames, metadata)


def _choose(seconds: np.ndarray, duration_seconds: float, options: LoadingOptions) -> np.ndarray:
    inside = frames_between(seconds, *options.window, duration_seconds)
    if options.takes_all:
        _check_number(len(inside), options.max_frames)
        return inside
    return inside[sample_frame_indices(seconds[inside], **options.sampling)]


def _with_source_fps(metadata: FilaVideoMetadata, options: LoadingOptions) -> FilaVideoMetadata:
    if options.source_fps is not None and not metadata.has_timestamps:
        metadata.fps = options.source_fps
        metadata.duration = metadata.duration_seconds
    return metadata


def _check_number(found: int, max_frames: int) -> None:
    if found > max_frames:
        raise ValueError(
            f"The video has {found} frames, more than max_frames={max_frames}, and do_sample_frames=False takes them "
            "all: sample with num_frames or fps, or raise max_frames."
        )
