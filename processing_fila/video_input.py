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
"""The forms in which a user may give videos, brought into one: a flat list of files to read and tensors of frames."""

import os
from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
import torch
from PIL import Image

from .loaded_video import LoadedVideo
from .picture_files import PictureFiles, is_picture_file


class GivenVideo:
    """
    One video as a user gave it. It is neither a tuple nor a dataclass, which transformers would take apart.

    Attributes:
        content: A file (see [`is_video_file`]), a tensor of frames with 4 dimensions, [`PictureFiles`], a decoder (see
            [`is_decoder`]), or a [`LoadedVideo`].
        key: Equal for entries that are the same video: an equal path, URL or `bytes`, or the same object.
        options: Arguments of the processor for this video alone.
    """

    def __init__(self, content: Any, key: Hashable, options: Mapping[str, Any] | None = None):
        self.content, self.key, self.options = content, key, dict(options or {})


def is_video_file(video: Any) -> bool:
    """Whether `video` has to be read: a path, an http(s) URL, the bytes of a file, or a binary file object."""
    return isinstance(video, (str, bytes, bytearray, memoryview, os.PathLike)) or hasattr(video, "read")


def is_decoder(video: Any) -> bool:
    """Whether `video` is an opened video as torchcodec's `VideoDecoder` is, which `datasets` gives."""
    return hasattr(video, "get_frames_at") and hasattr(video, "metadata") and hasattr(video, "__len__")


def is_frame(frame: Any) -> bool:
    """Whether `frame` is a single picture: a PIL image, or an array or tensor with 3 dimensions."""
    return isinstance(frame, Image.Image) or (isinstance(frame, (np.ndarray, torch.Tensor)) and frame.ndim == 3)


def flatten_videos(videos: Any) -> list[GivenVideo]:
    """
    Makes a flat list of videos.

    Args:
        videos: A file, a folder of pictures, a dict with the `path` or `bytes` of a file, torchcodec's `VideoDecoder`,
            an array with 4 dimensions (one video) or 5 (several), a list of frames (one video), or a list of any of
            these, however nested. What this function returned is taken as it is.

    Raises:
        ValueError: If something is none of these, or a video has no frame.
    """
    if isinstance(videos, Mapping) and videos and videos.keys() <= {"path", "bytes"}:
        videos = videos["path"] if videos.get("bytes") is None else videos["bytes"]
    if isinstance(videos, (str, os.PathLike)) and os.path.isdir(videos):
        return [GivenVideo(PictureFiles.of_folder(videos), os.fspath(videos))]
    if is_decoder(videos):
        return [GivenVideo(videos, id(videos))]
    if is_video_file(videos):
        key: Any = videos if isinstance(videos, (str, bytes, os.PathLike)) else id(videos)
        return [GivenVideo(videos, key)]
    if isinstance(videos, GivenVideo):
        return [videos]
    if isinstance(videos, LoadedVideo):
        return [GivenVideo(videos, id(videos))]
    if isinstance(videos, (np.ndarray, torch.Tensor)):
        return [GivenVideo(video, (id(videos), place)) for place, video in enumerate(_videos_of_array(videos))]
    if not isinstance(videos, (list, tuple)):
        raise ValueError(
            "A video is a path, an http(s) URL, bytes, a file object, a folder of pictures, a decoder of torchcodec, "
            f"an array of 4 dimensions, or a list of frames; got {type(videos).__name__}."
        )
    if len(videos) > 0 and all(is_frame(frame) for frame in videos):
        return [GivenVideo(stack_frames(list(videos)), id(videos))]
    return [video for item in videos for video in flatten_videos(item)]


def as_one_video(source: Any, options: Mapping[str, Any]) -> GivenVideo:
    """
    Takes what stands in a part of a message, which is one video: a list of files is a list of pictures.

    Args:
        source: One video in any form of [`flatten_videos`], or a list with the files of its frames.
        options: Arguments of the processor for this video alone.

    Raises:
        ValueError: If it is no video or more than one.
    """
    if isinstance(source, (list, tuple)) and source and all(map(is_picture_file, source)):
        return GivenVideo(PictureFiles(source), tuple(source), options)
    videos = flatten_videos(source)
    if len(videos) != 1:
        raise ValueError(f"A video part of a message holds one video, not {len(videos)}.")
    return GivenVideo(videos[0].content, videos[0].key, {**videos[0].options, **options})


def stack_frames(frames: list[Any]) -> torch.Tensor:
    """
    Makes one tensor of a list of frames.

    Returns:
        A tensor `(N, H, W, C)` or `(N, C, H, W)`, as the frames are; `(N, H, W, 3)` for PIL images of any mode, with
        white where they are transparent.

    Raises:
        ValueError: If the frames differ in size or number type.
    """
    tensors = [_as_tensor(_in_rgb(frame) if isinstance(frame, Image.Image) else frame) for frame in frames]
    dtypes = sorted({str(tensor.dtype) for tensor in tensors})
    if len(dtypes) > 1:
        raise ValueError(f"The frames of a video must have the same number type, but have {', '.join(dtypes)}.")
    shapes = sorted({tuple(tensor.shape) for tensor in tensors})
    if len(shapes) > 1:
        raise ValueError(f"The frames of a video must have the same size, but have the shapes {shapes}.")
    return torch.stack(tensors)


def _videos_of_array(videos: np.ndarray | torch.Tensor) -> list[torch.Tensor]:
    if videos.ndim not in (4, 5):
        raise ValueError(
            f"An array of frames has 4 dimensions, (frames, height, width, 3) or (frames, 3, height, width); got the "
            f"shape {tuple(videos.shape)}."
        )
    if 0 in videos.shape:
        raise ValueError(f"An array of the shape {tuple(videos.shape)} has no frames.")
    videos = _as_tensor(videos)
    return [videos] if videos.ndim == 4 else list(videos)


def _in_rgb(picture: Image.Image) -> np.ndarray:
    if picture.mode != "RGB":
        picture = picture.convert("RGBA")
        picture = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture).convert("RGB")
    return np.asarray(picture)


def _as_tensor(array: np.ndarray | torch.Tensor) -> torch.Tensor:
    if isinstance(array, torch.Tensor):
        return array
    if array.dtype.kind not in "buif":
        raise ValueError(f"An array of {array.dtype} holds no frames.")
    # PyTorch shares an array's memory, but not if the array is read-only or runs backwards.
    return torch.from_numpy(np.require(array, requirements=["C_CONTIGUOUS", "WRITEABLE"]))
