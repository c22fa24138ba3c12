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
Videos in any form -> normalised frames. Shape letters: V videos, N frames (of the longest), H and W pixels.
"""

from os import PathLike
from typing import Any

import numpy as np
import torch
from torch.nn.utils.rnn import pad_sequence
from transformers import BaseVideoProcessor, BatchFeature
from transformers.image_utils import PILImageResampling
from transformers.processing_utils import Unpack, VideosKwargs

from .frame_sampling import check_sampling, sample_frame_indices
from .video_input import flatten_videos, is_video_file
from .video_metadata import FilaVideoMetadata, metadata_of_frames, metadata_of_videos
from .video_reader import VideoReader


class FilaVideoVideosKwargs(VideosKwargs, total=False):
    """
    Args:
        max_frames (`int`): the most frames ever taken from a video, however it is sampled.
        seek_mode (`str`): `"exact"`, or `"keyframe"` for the key frames nearest to those chosen, which is faster.
        timestamps (`str`): what [`FilaVideoProcessor`] writes into the prompt; see there.
    """

    max_frames: int | None
    seek_mode: str | None
    timestamps: str | None


# Arguments that say which frames to take, and are done with once the frames are there.
SHAPE_ARGUMENTS = ("size", "do_resize", "resample")
LOADING_ARGUMENTS = ("do_sample_frames", "num_frames", "fps", "max_frames", "seek_mode", "video_metadata")


class FilaVideoVideoProcessor(BaseVideoProcessor):
    """
    Reads videos with PyAV, samples frames evenly in time, resizes them while decoding, and normalises them as SigLIP
    wants.

    Args:
        num_frames (`int`, *optional*, defaults to 96):
            N, frames taken from a video, the first and the last included. A video with fewer gives all it has.
        fps (`float`, *optional*): frames per second instead. Giving both is an error.
        max_frames (`int`, *optional*, defaults to 768): the most frames ever taken.
        do_sample_frames (`bool`, *optional*, defaults to `True`):
            whether to sample, or to take every frame; with `num_frames` or `fps` in a call, `False` is an error.
        seek_mode (`str`, *optional*, defaults to `"exact"`): or `"keyframe"`; see [`VideoReader.frames_at`].
        size (`dict`, *optional*, defaults to `{"height": 384, "width": 384}`): frames are stretched to it.
        others: as in [`BaseVideoProcessor`].
    """

    valid_kwargs = FilaVideoVideosKwargs
    model_input_names = ["pixel_values_videos", "video_frame_mask"]

    do_sample_frames = True
    num_frames = 96
    fps = None
    max_frames = 768
    seek_mode = "exact"

    do_resize = True
    size = {"height": 384, "width": 384}
    resample = PILImageResampling.BICUBIC
    do_rescale = True
    do_normalize = True
    # SigLIP's, not CLIP's as in `LlavaOnevisionVideoProcessor`.
    image_mean = [0.5, 0.5, 0.5]
    image_std = [0.5, 0.5, 0.5]
    do_convert_rgb = True

    def __init__(self, **kwargs: Unpack[FilaVideoVideosKwargs]):
        num_frames, fps = kwargs.get("num_frames"), kwargs.get("fps")
        if num_frames is not None and fps is not None:
            raise ValueError(f"Give num_frames or fps, not both: got num_frames={num_frames} and fps={fps}.")
        super().__init__(**kwargs)
        if num_frames is not None:
            check_sampling(num_frames=num_frames, fps=None, max_frames=self.max_frames)
        if fps is not None:
            self.num_frames = None  # `fps` replaces the default

    @classmethod
    def from_dict(cls, video_processor_dict: dict[str, Any], **kwargs):
        # `from_pretrained(path, fps=2)` replaces the saved `num_frames`, and the other way round.
        if kwargs.get("num_frames") is not None or kwargs.get("fps") is not None:
            video_processor_dict = {**video_processor_dict, "num_frames": None, "fps": None}
        saved, limit = video_processor_dict.get("num_frames"), kwargs.get("max_frames")
        if saved is not None and limit is not None:  # a smaller limit, given now, bounds what was saved
            video_processor_dict = {**video_processor_dict, "num_frames": min(saved, limit)}
        return super().from_dict(video_processor_dict, **kwargs)

    def preprocess(self, videos: Any, **kwargs: Unpack[FilaVideoVideosKwargs]) -> BatchFeature:
        """
        Args:
            videos: a path, an http(s) URL, bytes, a binary file object, an array `(N, H, W, 3)` or `(N, 3, H, W)`, a
                list of PIL images; or a list of these.
            video_metadata: for arrays and lists of images, a dict for each video with `fps`, or `frame_seconds`.
            kwargs: the arguments of this class, for this call.

        Returns:
            [`BatchFeature`] with `pixel_values_videos` `(V, N, 3, H, W)` float32, zero after the end of shorter videos,
            and `video_frame_mask` `(V, N)` int64, 1 for frames and 0 for padding; with `return_metadata=True` also
            `video_metadata`, a list of [`FilaVideoMetadata`].

        Raises:
            `ValueError`: if an argument is out of range or contradicts another, or a video has no form that is known.
            `VideoReadError`: (an `OSError`) if a file cannot be read.
        """
        loading = {name: kwargs.pop(name) for name in LOADING_ARGUMENTS if name in kwargs}
        return_tensors = kwargs.pop("return_tensors", None)
        return_metadata = kwargs.pop("return_metadata", self.return_metadata)
        kwargs.pop("timestamps", None)
        frames, metadata = self.load_videos(videos, **{name: kwargs.get(name) for name in SHAPE_ARGUMENTS}, **loading)
        features = super().preprocess(
            frames, video_metadata=metadata, do_sample_frames=False, return_metadata=False, **kwargs
        )
        pixels = features["pixel_values_videos"]
        mask = [torch.ones(len(video), dtype=torch.long, device=video.device) for video in pixels]
        data = {
            "pixel_values_videos": pad_sequence(list(pixels), batch_first=True),  # (V, N, 3, H, W)
            "video_frame_mask": pad_sequence(mask, batch_first=True),  # (V, N)
        }
        data = BatchFeature(data, tensor_type=return_tensors)
        if return_metadata:
            data["video_metadata"] = metadata
        return data

    def load_videos(
        self,
        videos: Any,
        *,
        video_metadata: Any = None,
        do_sample_frames: bool | None = None,
        num_frames: int | None = None,
        fps: float | None = None,
        max_frames: int | None = None,
        seek_mode: str | None = None,
        size: Any = None,
        do_resize: bool | None = None,
        resample: Any = None,
    ) -> tuple[list[torch.Tensor], list[FilaVideoMetadata]]:
        """
        Reads and samples videos, without normalising them. The arguments are those of [`preprocess`].

        Returns:
            for each video its frames, `(N, H, W, 3)` uint8 of a file or as they were given, and its metadata.
        """
        flat = flatten_videos(videos)
        if not flat:
            raise ValueError(f"videos={videos!r} holds no video.")
        given = metadata_of_videos(video_metadata, len(flat))
        sampling = self._sampling(do_sample_frames, num_frames, fps, max_frames)
        reading = {
            "size": self._decoded_size(size, self.do_resize if do_resize is None else do_resize, resample),
            "seek_mode": seek_mode or self.seek_mode,
        }
        loaded, read = [], {}
        for video, entry in zip(flat, given, strict=True):
            if not is_video_file(video):
                loaded.append(_load_frames(video, entry, sampling))
                continue
            key = video if isinstance(video, (str, bytes, PathLike)) else id(video)
            if key not in read or entry is not None:  # several questions about one file read it once
                read[key] = _load_file(video, entry, sampling, reading)
            loaded.append(read[key])
        return [frames for frames, _ in loaded], [metadata for _, metadata in loaded]

    def _sampling(self, do_sample_frames, num_frames, fps, max_frames) -> dict[str, Any]:
        """The call's arguments where it has some, this processor's otherwise."""
        max_frames = self.max_frames if max_frames is None else max_frames
        check_sampling(num_frames=num_frames, fps=fps, max_frames=max_frames)
        says_which = num_frames is not None or fps is not None
        if says_which and do_sample_frames is False:
            raise ValueError(
                f"do_sample_frames=False takes every frame, but num_frames={num_frames} and fps={fps} are given."
            )
        if do_sample_frames is None:
            do_sample_frames = says_which or self.do_sample_frames
        if do_sample_frames and not says_which:
            num_frames = None if self.num_frames is None else min(self.num_frames, max_frames)
            fps = self.fps
        return {"num_frames": num_frames, "fps": fps, "max_frames": max_frames, "takes_all": not do_sample_frames}

    def _decoded_size(self, size: Any, do_resize: bool, resample: Any) -> tuple[int, int] | None:
        """The size to which frames can be resized as they are decoded, bicubically, or `None` to keep theirs."""
        if (self.resample if resample is None else resample) != PILImageResampling.BICUBIC:
            return None
        size = self.size if size is None else size
        if isinstance(size, int):
            return (size, size) if do_resize else None
        height, width = dict(size).get("height"), dict(size).get("width")
        return (height, width) if do_resize and height and width else None


def _load_file(video: Any, given: Any, sampling: dict[str, Any], reading: dict[str, Any]):
    if given is not None:
        raise ValueError(f"video_metadata={given!r} is given for a file, whose own times are read: leave it out.")
    options = {name: value for name, value in sampling.items() if name != "takes_all"}
    with VideoReader(video) as reader:
        if sampling["takes_all"] and reader.num_frames > sampling["max_frames"]:
            raise ValueError(_too_many_frames(reader.num_frames, sampling["max_frames"]))
        sampled = reader.sample(**options, **reading)
    metadata = FilaVideoMetadata(
        total_num_frames=sampled.total_frames,
        fps=sampled.average_fps or None,
        width=sampled.width,
        height=sampled.height,
        duration=sampled.duration_seconds,
        video_backend="pyav",
        frames_indices=sampled.frame_indices.tolist(),
        frame_seconds=sampled.seconds.tolist(),
    )
    return torch.from_numpy(sampled.frames), metadata


def _load_frames(video: torch.Tensor, given: Any, sampling: dict[str, Any]):
    metadata = metadata_of_frames(given, len(video))
    if sampling["takes_all"]:
        if len(video) > sampling["max_frames"]:
            raise ValueError(_too_many_frames(len(video), sampling["max_frames"]))
        return video, metadata
    seconds = metadata.timestamps if metadata.has_timestamps else metadata.frames_indices
    if sampling["fps"] is not None and not metadata.has_timestamps:
        raise ValueError(
            f"fps={sampling['fps']} cannot be sampled from frames without times: give video_metadata with 'fps' or "
            "'frame_seconds', or use num_frames."
        )
    options = {name: sampling[name] for name in ("num_frames", "fps", "max_frames")}
    chosen = sample_frame_indices(np.asarray(seconds, dtype=np.float64), **options)
    metadata.frames_indices = [metadata.frames_indices[index] for index in chosen]
    if metadata.frame_seconds is not None:
        metadata.frame_seconds = [metadata.frame_seconds[index] for index in chosen]
    return video[torch.from_numpy(chosen)], metadata


def _too_many_frames(found: int, max_frames: int) -> str:
    return (
        f"The video has {found} frames, more than max_frames={max_frames}, and do_sample_frames=False takes them all: "
        "sample with num_frames or fps, or raise max_frames."
    )


FilaVideoVideoProcessor.register_for_auto_class()

__all__ = ["FilaVideoVideoProcessor"]
