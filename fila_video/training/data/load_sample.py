"""Reads the images and videos of a sample; an error names the sample and the file."""

import random
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import fsspec
from PIL import Image, ImageOps

from processing_fila import FilaVideoProcessor


# Raised by Pillow and PyAV for files that are missing, truncated or corrupt.
READING_ERRORS = (OSError, EOFError, SyntaxError, Image.DecompressionBombError)


class UnreadableSampleError(OSError):
    """A sample with an image or video that cannot be read."""


@dataclass(frozen=True)
class FrameRates:
    """
    The number of frames that are sampled from each video.

    Args:
        num_frames: Number of frames, or a list from which one number is drawn for each sample and epoch.
        fps: Frames per second, or a list from which one is drawn. Give at most one of `num_frames` and `fps`.
        max_frames: Largest number of frames that `fps` may lead to.
        seed: Random seed of the draws.
        num_frames_of: Numbers of frames, as in `num_frames`, for the sources with these names. They replace the other
            fields.
    """

    num_frames: int | list[int] | None = None
    fps: float | list[float] | None = None
    max_frames: int | None = None
    seed: int = 0
    num_frames_of: Mapping[str, int | list[int]] = field(default_factory=dict)

    def of(self, sample_id: str, epoch: int, source: str | None = None) -> dict[str, Any]:
        """Returns the arguments of the video processor for a sample in an epoch."""
        rng = random.Random(zlib.crc32(f"{self.seed} {epoch} {sample_id}".encode()))
        options: dict[str, Any] = {"num_frames": self.num_frames, "fps": self.fps, "max_frames": self.max_frames}
        if source is not None and source in self.num_frames_of:
            options = {"num_frames": self.num_frames_of[source]}
        drawn = {
            name: rng.choice(list(value)) if isinstance(value, (list, tuple)) else value
            for name, value in options.items()
        }
        return {name: value for name, value in drawn.items() if value is not None}


@dataclass(frozen=True)
class LoadedSample:
    """
    A sample whose media have been read.

    Attributes:
        name: Name of the sample in error messages.
        messages: The chat, with images and frames instead of paths.
        video_metadata: Metadata of the videos, in the order of the chat.
        num_given_answers: Number of answers at the beginning of the chat that are not labels.
    """

    name: str
    messages: list[dict[str, Any]]
    video_metadata: list = field(default_factory=list)
    num_given_answers: int = 0

    @property
    def num_frames(self) -> int:
        """Number of sampled frames of all videos."""
        return sum(len(metadata.frames_indices) for metadata in self.video_metadata)


def load_sample(
    name: str, messages: list[dict[str, Any]], processor: FilaVideoProcessor, frame_options: dict[str, Any]
) -> LoadedSample:
    """
    Reads the media of a sample.

    Args:
        name: Name of the sample in error messages.
        messages: The chat. The content of a message is a text or a list of parts. A part is
            `{"type": "text", "text": ...}`, or has the type `"image"` or `"video"` and a path, URL, image or array
            under `path`, `url` or the name of the type. A video may have options of its own, as in the processor's
            `apply_chat_template`.
        processor: Processor of the model that is trained.
        frame_options: Arguments of the video processor: `num_frames`, `fps`, `max_frames`.

    Raises:
        UnreadableSampleError: If a file cannot be read; the message names sample, file and cause.
    """
    video_metadata: list = []

    def loaded(part: dict[str, Any]) -> dict[str, Any]:
        kind = part["type"]
        if kind == "text":
            return {"type": "text", "text": part["text"]}
        media = part[kind]
        try:
            if kind == "image":
                return {"type": kind, kind: _load_image(media)}
            options = {key: value for key, value in part.items() if key not in ("type", "video")}
            given = processor.video_processor.as_one_video(media, options)
            (video,) = processor.video_processor.load_videos([given], **frame_options)
        except READING_ERRORS as error:
            raise UnreadableSampleError(f"{name}: {media} cannot be read: {error}") from error
        video_metadata.append(video.metadata)
        return {"type": kind, kind: video}

    messages = processor.normalize_messages(messages)
    chat = [{"role": message["role"], "content": [loaded(part) for part in _parts(message)]} for message in messages]
    return LoadedSample(name, chat, video_metadata)


def _parts(message: dict[str, Any]) -> list[dict[str, Any]]:
    content = message["content"]
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


def _load_image(image: Any) -> Image.Image:
    if isinstance(image, Image.Image):
        return image.convert("RGB")
    with fsspec.open(image, "rb") as file:
        return ImageOps.exif_transpose(Image.open(file)).convert("RGB")
