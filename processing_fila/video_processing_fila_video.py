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
Videos in any form -> normalized frames. Shape letters: V videos, N frames (of the longest), H and W pixels.
"""

from collections.abc import Sequence
from reprlib import repr as shorten
from typing import Any

import torch
from transformers import BaseVideoProcessor, BatchFeature
from transformers.image_utils import PILImageResampling
from transformers.processing_utils import Unpack

from .frame_sampling import check_sampling
from .loaded_video import LoadedVideo
from .pixel_values import PIXEL_MEAN, PIXEL_STD, model_can_normalize, pad_and_normalize, pad_frames
from .processing_kwargs import FilaVideoVideosKwargs
from .reader import VideoReader
from .reader_subtitles import SubtitleLine, read_subtitles
from .scene_times import pad_time_ids
from .video_arguments import (
    LOADING_ARGUMENTS,
    READER_ARGUMENTS,
    SHAPE_ARGUMENTS,
    SUBTITLE_ARGUMENTS,
    VIDEO_ARGUMENTS,
    override,
)
from .video_input import GivenVideo, as_one_video, flatten_videos
from .video_loading import LoadingOptions, load_videos
from .video_metadata import FilaVideoMetadata
from .video_stream import VideoStream


NORMALIZATION = ("do_rescale", "do_normalize", "rescale_factor", "image_mean", "image_std")


class FilaVideoVideoProcessor(BaseVideoProcessor):
    """
    Reads videos with PyAV, samples frames evenly in time, resizes them while decoding, and normalizes them as SigLIP
    expects.

    Args:
        num_frames (`int`, *optional*, defaults to 96):
            N, frames taken from a video, the first and the last included. If a video has fewer frames, all of them are
            taken.
        fps (`float`, *optional*): frames per second instead. Giving both is an error.
        max_frames (`int`, *optional*, defaults to 768): the most frames ever taken.
        do_sample_frames (`bool`, *optional*, defaults to `True`):
            whether to sample, or to take every frame; with `num_frames` or `fps` in a call, `False` is an error.
        seek_mode (`str`, *optional*, defaults to `"exact"`): or `"keyframe"`; see [`VideoReader.frames_at`].
        url_timeout_seconds, url_total_seconds, url_max_bytes, url_policy (*optional*): limits and allowed addresses of
            http(s) URLs, as in [`VideoReader`], which has the defaults.
        on_damage (*optional*): `"warn"` or `"error"` for videos that are damaged or cut off; likewise.
        max_pixels, max_seconds (*optional*): limits on the pictures of a file and on the time of reading it, as in
            [`VideoReader`], which has the defaults.
        size (`dict`, *optional*, defaults to `{"height": 384, "width": 384}`): frames are stretched to it.
        others: as in [`BaseVideoProcessor`].
    """

    valid_kwargs = FilaVideoVideosKwargs
    model_input_names = ["pixel_values_videos", "video_frame_mask", "frame_time_ids", "times_are_interleaved"]

    do_sample_frames = True
    num_frames: int | None = 96
    fps: float | None = None
    max_frames = 768
    seek_mode = "exact"

    do_resize = True
    size = {"height": 384, "width": 384}
    resample = PILImageResampling.BICUBIC
    do_rescale = True
    do_normalize = True
    # SigLIP's, not CLIP's as in `LlavaOnevisionVideoProcessor`.
    image_mean = [PIXEL_MEAN] * 3
    image_std = [PIXEL_STD] * 3
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
                Frames in memory have 3 channels and are integers from 0 to 255, 16-bit unsigned integers, or floats
                from 0 to 1 or from 0 to 255. With `do_rescale=False` their values are taken as they are.
            video_metadata: for arrays and lists of images, a dict for each video with `fps`, or `frame_seconds`.
            as_bytes: whether to leave rescaling and normalization to the model, which does them for uint8. If the
                settings are not SigLIP's, the result is float32 all the same.
            kwargs: the arguments of this class, for this call.

        Returns:
            [`BatchFeature`] with `pixel_values_videos` `(V, N, 3, H, W)` float32, or uint8 with `as_bytes=True`, zero
            after the end of shorter videos, and `video_frame_mask` `(V, N)` int64, 1 for frames and 0 for padding; with
            `return_metadata=True` also `video_metadata`, a list of [`FilaVideoMetadata`]. For videos that
            [`FilaVideoProcessor`] has prepared for a prompt with the times of scenes also `frame_time_ids`
            `(V, N, digits)` int64, padded with -1, and `times_are_interleaved` `(V,)` bool.

        Raises:
            `ValueError`: if an argument is out of range or contradicts another, or a video is given in an unknown form.
            `VideoReadError`: (an `OSError`) if a file cannot be read.
        """
        loading = {name: kwargs.pop(name) for name in LOADING_ARGUMENTS if name in kwargs}
        return_tensors = kwargs.pop("return_tensors", None)
        return_metadata = kwargs.pop("return_metadata", self.return_metadata)
        for name in ("timestamps", *SUBTITLE_ARGUMENTS):  # they concern the prompt
            kwargs.pop(name, None)
        as_bytes = kwargs.pop("as_bytes", None)
        loaded = self.load_videos(videos, **{name: kwargs.get(name) for name in SHAPE_ARGUMENTS}, **loading)
        metadata = [video.metadata for video in loaded]
        read = [video for video in loaded if video.has_frames]
        data = {}
        if read:
            settings: dict[str, Any] = {name: kwargs.get(name) for name in NORMALIZATION}
            settings = {name: getattr(self, name) if value is None else value for name, value in settings.items()}
            both = settings["do_rescale"] and settings["do_normalize"]  # then done here, with less memory
            features = super().preprocess(
                [video.frames for video in read],
                video_metadata=[video.metadata for video in read],
                do_sample_frames=False,
                return_metadata=False,
                **{**kwargs, **({"do_rescale": False, "do_normalize": False} if both else {})},
            )
            pixels = list(features["pixel_values_videos"])  # V of (N, 3, H, W)
            if both and not (as_bytes and model_can_normalize(settings)):
                options = settings["image_mean"], settings["image_std"], settings["rescale_factor"]
                batch, mask = pad_and_normalize(pixels, *options)
            else:
                batch, mask = pad_frames(pixels)
            data = {"pixel_values_videos": batch, "video_frame_mask": mask}
        if any(video.time_ids is not None for video in loaded):
            data["frame_time_ids"] = pad_time_ids([video.time_ids for video in loaded])  # (V, N, digits)
            data["times_are_interleaved"] = torch.tensor([video.times_are_interleaved for video in loaded])  # (V,)
        data = BatchFeature(data, tensor_type=return_tensors)
        if return_metadata:
            data["video_metadata"] = metadata
        return data

    def pixel_settings(self, kwargs: dict[str, Any]) -> str:
        """
        Returns what determines the pixels in addition to the sampled frames: the settings of this processor, and those
        arguments of a call that are not about which frames to take.
        """
        names = self.valid_kwargs.__annotations__.keys() - {*VIDEO_ARGUMENTS, "return_tensors", "device"}
        return f"{self.to_json_string()} {sorted((name, repr(kwargs[name])) for name in names & kwargs.keys())}"

    def gives_bytes(self, kwargs: dict[str, Any]) -> bool:
        """Whether a call with these arguments gives the frames as they are read, so that the model may stream them."""
        names = (*NORMALIZATION, "do_center_crop")
        settings = {name: getattr(self, name) if kwargs.get(name) is None else kwargs[name] for name in names}
        return model_can_normalize(settings) and not settings["do_center_crop"]

    def flatten_videos(self, videos: Any) -> list[GivenVideo]:
        """Makes a flat list of videos, which [`load_videos`] takes as it is. See [`video_input.flatten_videos`]."""
        return flatten_videos(videos)

    def as_one_video(self, source: Any, options: dict[str, Any]) -> GivenVideo:
        """Takes the video of a part of a message. See [`video_input.as_one_video`]."""
        return as_one_video(source, options)

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
        do_rescale: bool | None = None,
        start_seconds: float | None = None,
        end_seconds: float | None = None,
        source_fps: float | None = None,
        loaded_videos: dict | None = None,
        video_memory: Any = None,
        **reader_options: Any,
    ) -> list[LoadedVideo]:
        """
        Reads and samples videos, without normalizing them. The arguments are those of [`preprocess`], and
        `loaded_videos`, in which a caller keeps the videos of one call for the next, and `video_memory`, which knows
        what was encoded before; see [`video_loading.load_videos`]. A video that it knows has no frames.

        Returns:
            The loaded videos, with their metadata. [`preprocess`] and this method take them as they are: arguments
            about sampling are not applied to a video that has been loaded.
        """
        given = flatten_videos(videos)
        if not given:
            raise ValueError(f"videos={shorten(videos)} holds no video.")
        if source_fps is not None and (not isinstance(source_fps, (int, float)) or not 0 < source_fps < float("inf")):
            raise ValueError(f"source_fps={source_fps!r} must be positive and finite.")
        shared: dict[str, Any] = {
            "size": self._decoded_size(size, self.do_resize if do_resize is None else do_resize, resample),
            "seek_mode": seek_mode or self.seek_mode,
            "is_8_bit": self.do_rescale if do_rescale is None else do_rescale,
            "reader_options": self.reader_options_of(reader_options),
        }
        of_call: dict[str, Any] = {
            **{"do_sample_frames": do_sample_frames, "num_frames": num_frames, "fps": fps, "max_frames": max_frames},
            **{"start_seconds": start_seconds, "end_seconds": end_seconds, "source_fps": source_fps},
        }

        def options_of(video: GivenVideo) -> LoadingOptions:
            arguments = override({name: value for name, value in of_call.items() if value is not None}, video.options)
            place: dict[str, Any] = {
                name: arguments.get(name) for name in ("start_seconds", "end_seconds", "source_fps")
            }
            names = ("do_sample_frames", "num_frames", "fps", "max_frames")
            return LoadingOptions(**self._sampling(*map(arguments.get, names)), **place, **shared)

        return load_videos(given, video_metadata, options_of, loaded_videos, video_memory)

    def read_subtitles(self, source: Any, *, language: str | None = None, **reader_options: Any) -> list[SubtitleLine]:
        """Reads a subtitle file, or the text track of a video, with the limits of this processor for files.

        See [`reader_subtitles.read_subtitles`] for arguments and errors.
        """
        return read_subtitles(source, language=language, **self.reader_options_of(reader_options))

    def without_frames(self, video_metadata: Sequence[FilaVideoMetadata]) -> list[LoadedVideo]:
        """
        Videos that the model has encoded, for a prompt about them that is written once more. Equal metadata give equal
        objects.
        """
        empty = torch.empty(0, 1, 1, 3, dtype=torch.uint8)
        videos = {id(metadata): LoadedVideo.of(empty, metadata).without_frames() for metadata in video_metadata}
        return [videos[id(metadata)] for metadata in video_metadata]

    def open_stream(
        self,
        video: Any,
        *,
        do_sample_frames: bool | None = None,
        num_frames: int | None = None,
        fps: float | None = None,
        max_frames: int | None = None,
        start_seconds: float | None = None,
        end_seconds: float | None = None,
        seek_mode: str | None = None,
        **reader_options: Any,
    ) -> VideoStream:
        """
        Opens a file whose frames the model encodes as they are read; see [`VideoStream`]. The frames are those that
        [`preprocess`] would take.

        Raises:
            `ValueError`: if an argument is out of range, or this processor does not normalize as the model does.
            `VideoReadError`: (an `OSError`) if the file cannot be read.
        """
        settings = {name: getattr(self, name) for name in NORMALIZATION}
        size = self._decoded_size(None, self.do_resize, None)
        if not model_can_normalize(settings) or size is None:
            raise ValueError(
                "The model takes frames of a stream as bytes of its own size and normalizes them as SigLIP does. This "
                f"processor has {settings}, size={self.size}, do_resize={self.do_resize}, resample={self.resample}."
            )
        sampling = self._sampling(do_sample_frames, num_frames, fps, max_frames)
        takes_all = sampling.pop("takes_all")
        reader = VideoReader(video, **self.reader_options_of(reader_options))
        try:
            return VideoStream(
                reader,
                sampling=None if takes_all else sampling,
                window=(start_seconds, end_seconds),
                size=size,
                seek_mode=seek_mode or self.seek_mode,
            )
        except BaseException:
            reader.close()
            raise

    def _sampling(self, do_sample_frames, num_frames, fps, max_frames) -> dict[str, Any]:
        """The arguments of the call, or this processor's own where the call has none."""
        max_frames = self.max_frames if max_frames is None else max_frames
        check_sampling(num_frames=num_frames, fps=fps, max_frames=max_frames)
        is_told = num_frames is not None or fps is not None
        if is_told and do_sample_frames is False:
            raise ValueError(
                f"do_sample_frames=False takes every frame, but num_frames={num_frames} and fps={fps} are given."
            )
        if do_sample_frames is None:
            do_sample_frames = is_told or self.do_sample_frames
        if do_sample_frames and not is_told:
            num_frames = None if self.num_frames is None else min(self.num_frames, max_frames)
            fps = self.fps
        return {"num_frames": num_frames, "fps": fps, "max_frames": max_frames, "takes_all": not do_sample_frames}

    def reader_options_of(self, given: dict[str, Any]) -> dict[str, Any]:
        """The options of [`VideoReader`] in the call, or this processor's own; those that nobody sets are left out."""
        if unknown := sorted(given.keys() - set(READER_ARGUMENTS)):
            raise TypeError(f"{unknown[0]} is not an argument for loading videos.")
        options = {name: given.get(name) for name in READER_ARGUMENTS}
        options = {name: getattr(self, name, None) if value is None else value for name, value in options.items()}
        return {name: value for name, value in options.items() if value is not None}

    def _decoded_size(self, size: Any, do_resize: bool, resample: Any) -> tuple[int, int] | None:
        """The size to which frames can be resized as they are decoded, bicubically, or `None` to keep theirs."""
        if (self.resample if resample is None else resample) != PILImageResampling.BICUBIC:
            return None
        size = self.size if size is None else size
        if isinstance(size, int):
            return (size, size) if do_resize else None
        if isinstance(size, (str, bytes)):
            raise ValueError(f"size={size!r} must be a dict such as {{'height': 384, 'width': 384}}.")
        height, width = dict(size).get("height"), dict(size).get("width")
        return (height, width) if do_resize and height and width else None


FilaVideoVideoProcessor.register_for_auto_class()

__all__ = ["FilaVideoVideoProcessor"]
