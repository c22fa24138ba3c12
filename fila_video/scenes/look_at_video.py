"""Finds the scenes of a video with the model of a pipeline, without generating an answer.

Shape letters: N frames, S scenes, K frames per scene, P patches, D width of the vision tower.
"""

import math
import os
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import numpy as np
import torch
from PIL import Image

from modeling_fila.scene_options import selection_arguments, with_scene_options
from modeling_fila.scene_selection import cosine_distances, find_clusters, find_scenes, frame_representations
from modeling_fila.vision_features import encode_frames
from processing_fila.video_arguments import LOADING_ARGUMENTS, SHAPE_ARGUMENTS

from .video_scenes import VideoScenes


# Longer side of a thumbnail. Very many frames are kept smaller, so that memory stays below about 100 MiB.
THUMBNAIL_SIDE, SMALLEST_SIDE = 320, 96
FRAMES_AT_FULL_SIDE = 192


def of(pipe: Any, video: Any, **options: Any) -> VideoScenes:
    """
    Finds the scenes that the model of a pipeline selects from a video.

    They are the scenes of an answer to a question with the same options. The video is read twice: for the model, and
    for the pictures, which keep the video's shape.

    Args:
        pipe: A pipeline `"video-text-to-text"` with a FiLA-Video model.
        video: One video in any form that the pipeline takes.
        **options: Options of a call of the pipeline: `num_frames`, `fps`, `start_seconds`, `num_scenes`,
            `scene_selection`, `scene_supplement`, `kmeans_seed`, ... Those that only change the text are ignored.

    Returns:
        The scenes, and all that is needed to draw them.

    Raises:
        ValueError: If this is not one video, an option is out of range, the video has no times, or the pipeline has
            another model.
        TypeError: If an option is unknown.
        OSError: If the video cannot be read.
    """
    model_type = getattr(getattr(getattr(pipe, "model", None), "config", None), "model_type", None)
    if model_type != "fila_video":
        raise ValueError(f"The pipeline needs a FiLA-Video model, not {model_type or type(pipe).__name__}.")
    # The pipeline itself sorts the options and adds those of its constructor.
    preprocess, forward, _ = pipe._sanitize_parameters(**options)
    config = with_scene_options(pipe.model.config, forward.get("scene_options"))
    loading, shape = _sort(preprocess["processor_kwargs"], pipe.processor.video_processor)
    loaded, thumbnails = _read(pipe.processor.video_processor, video, {**loading, **shape})
    representations = _represent(pipe, loaded, shape, config.selection_layer)  # (N, D)
    arguments = selection_arguments(config, len(representations))
    scenes = find_scenes(representations, **arguments)  # (S, K), (S,)
    uniform = find_scenes(representations, **{**arguments, "selection": "uniform"})
    return VideoScenes(
        name=_name_of(video),
        path=_path_of(video),
        duration_seconds=float(loaded.metadata.duration_seconds),
        frame_indices=np.array(loaded.metadata.frames_indices, dtype=np.int64),
        frame_seconds=np.array(loaded.metadata.timestamps, dtype=np.float64),
        thumbnails=thumbnails,
        similarities=(1 - cosine_distances(representations, representations)).float().cpu().numpy(),
        clusters=find_clusters(representations, **arguments).cpu().numpy(),
        scene_frames=scenes.frame_indices.cpu().numpy(),
        representatives=scenes.representatives.cpu().numpy(),
        uniform=uniform.representatives.cpu().numpy(),
        merging_weight=_merging_weight(pipe.model) if config.scene_merging == "weighted" else None,
        settings={
            "scene_selection": config.scene_selection,
            "scene_supplement": config.scene_supplement,
            "scene_merging": config.scene_merging,
        },
    )


def _sort(processor_kwargs: dict[str, Any], video_processor: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Returns the arguments that choose frames, and those that shape them; without those for the prompt."""
    given = {**processor_kwargs, **processor_kwargs.get("videos_kwargs", {})}
    known = video_processor.valid_kwargs.__annotations__.keys() - {"return_metadata", "return_tensors", "timestamps"}
    loading = {name: value for name, value in given.items() if name in LOADING_ARGUMENTS}
    return loading, {name: value for name, value in given.items() if name in known - loading.keys()}


@torch.inference_mode()
def _represent(pipe: Any, loaded: Any, shape: dict[str, Any], selection_layer: int | None) -> torch.Tensor:
    """Returns the representation of each frame, (N, D), as the model computes it."""
    model = pipe.model.base_model
    inputs = pipe.processor.video_processor(loaded, return_tensors="pt", **shape)
    pixels = inputs["pixel_values_videos"][0].to(pipe.device)  # (N, 3, H, W)
    features = encode_frames(model.vision_tower, pixels, model.config.frames_per_chunk, selection_layer)  # (N, P, D)
    return frame_representations(features)


def _merging_weight(model: Any) -> np.ndarray:
    """Returns W (eq. 7), (K, P, D), float32."""
    return model.base_model.scene_merging.weight.detach().float().cpu().numpy()


def _read(video_processor: Any, video: Any, arguments: dict[str, Any]) -> tuple[Any, np.ndarray]:
    """Reads a video for the model, a `LoadedVideo`, and its thumbnails, (N, height, width, 3) uint8."""
    arguments = {name: value for name, value in arguments.items() if name in (*LOADING_ARGUMENTS, *SHAPE_ARGUMENTS)}
    videos = video_processor.load_videos(video, **arguments)
    if len(videos) != 1:
        raise ValueError(f"Give one video, not {len(videos)}: each video has pictures of its own.")
    (loaded,) = videos
    if not loaded.metadata.has_timestamps:
        raise ValueError(
            "The video is given as frames without times, which the pictures show: give source_fps, the frames per "
            "second of the source, or video_metadata with 'fps' or 'frame_seconds'."
        )
    frames, size = loaded.frames, (loaded.metadata.height, loaded.metadata.width)
    if None not in size and _sides(frames) != size:  # resized to the square that the vision tower takes
        height, width = thumbnail_size(*size, len(frames))
        small = {"size": {"height": height, "width": width}, "do_resize": True, "resample": None}
        frames = video_processor.load_videos(video, **{**arguments, **small})[0].frames
    return loaded, _shrink(frames)


def _sides(frames: torch.Tensor) -> tuple[int, int]:
    """Height and width of frames of shape (N, H, W, 3) or (N, 3, H, W)."""
    return tuple(frames.shape[1:3] if frames.shape[-1] == 3 else frames.shape[2:])


def thumbnail_size(height: int, width: int, num_frames: int) -> tuple[int, int]:
    """Returns the (height, width) of the thumbnails: the video's shape, not larger than the video."""
    side = THUMBNAIL_SIDE * math.sqrt(min(FRAMES_AT_FULL_SIDE / num_frames, 1))
    scale = min(max(side, SMALLEST_SIDE) / max(height, width), 1)
    return max(round(height * scale), 1), max(round(width * scale), 1)


def _shrink(frames: torch.Tensor) -> np.ndarray:
    """Resizes frames in memory to thumbnails, (N, height, width, 3) uint8."""
    array = frames.cpu().numpy() if frames.shape[-1] == 3 else frames.permute(0, 2, 3, 1).cpu().numpy()
    height, width = thumbnail_size(array.shape[1], array.shape[2], len(array))
    if array.dtype != np.uint8:  # with do_rescale=False the user's own values
        array = np.clip(array * (255 if array.max() <= 1 else 1), 0, 255).astype(np.uint8)
    if array.shape[1:3] == (height, width):
        return np.ascontiguousarray(array)
    return np.stack([np.asarray(Image.fromarray(frame).resize((width, height))) for frame in array])


def _path_of(video: Any) -> Path | None:
    """Returns the file or folder that was given, if one was."""
    if isinstance(video, dict):
        video = video.get("path") if video.get("bytes") is None else None
    is_path = isinstance(video, os.PathLike) or (isinstance(video, str) and not urlsplit(video).netloc)
    return Path(video) if is_path and Path(video).exists() else None


def _name_of(video: Any) -> str:
    """Returns the name of a file, or the last part of a URL, without users, passwords and queries; else "video"."""
    path = _path_of(video)
    if path is not None:
        name = os.path.basename(os.path.abspath(path))
        return os.fsencode(name).decode(errors="replace")  # any bytes may be the name of a file
    if isinstance(video, str) and urlsplit(video).netloc:
        return Path(unquote(urlsplit(video).path)).name or "video"
    return "video"
