"""Reading a sample's pictures and videos, and saying which sample it was when that fails."""

import random
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import fsspec
from PIL import Image, ImageOps

from processing_fila import FilaVideoProcessor


# What Pillow and PyAV raise for files that are missing, cut short or broken.
READING_ERRORS = (OSError, EOFError, SyntaxError, Image.DecompressionBombError)


class UnreadableSampleError(OSError):
    """A sample whose picture or video cannot be read."""


@dataclass(frozen=True)
class FrameRates:
    """
    How many frames of a video are taken.

    Args:
        num_frames, fps: a number, or a list of which one is drawn for each sample and epoch; at most one of the two.
        max_frames: the most that `fps` may lead to.
        seed: of the drawing.
        num_frames_of: for the sources named, instead of the other numbers.
    """

    num_frames: int | list[int] | None = None
    fps: float | list[float] | None = None
    max_frames: int | None = None
    seed: int = 0
    num_frames_of: Mapping[str, int | list[int]] = field(default_factory=dict)

    def of(self, sample_id: str, epoch: int, source: str | None = None) -> dict[str, Any]:
        """The processor's arguments for a sample in an epoch."""
        rng = random.Random(zlib.crc32(f"{self.seed} {epoch} {sample_id}".encode()))
        options = {"num_frames": self.num_frames, "fps": self.fps, "max_frames": self.max_frames}
        if source in self.num_frames_of:
            options = {"num_frames": self.num_frames_of[source]}
        drawn = {
            name: rng.choice(list(value)) if isinstance(value, (list, tuple)) else value
            for name, value in options.items()
        }
        return {name: value for name, value in drawn.items() if value is not None}


@dataclass(frozen=True)
class LoadedSample:
    """A chat with its pictures and frames in place of their paths, and what is known of the videos, in order."""

    name: str
    messages: list[dict[str, Any]]
    video_metadata: list = field(default_factory=list)
    # Answers at the beginning of the chat that are given, not learnt.
    num_given_answers: int = 0

    @property
    def num_frames(self) -> int:
        return sum(len(metadata.frames_indices) for metadata in self.video_metadata)


def load_sample(
    name: str, messages: list[dict[str, Any]], processor: FilaVideoProcessor, frame_options: dict[str, Any]
) -> LoadedSample:
    """
    Reads a sample's media.

    Args:
        name: of the sample, for errors.
        messages: parts are `{"type": "text", "text": ...}`, or have a type of image or video and a path, URL, picture
            or array under `path`, `url` or the type's name.
        frame_options: `num_frames`, `fps`, `max_frames`.

    Raises:
        `UnreadableSampleError`: naming sample, file and cause.
    """
    video_metadata = []

    def loaded(part: dict[str, Any]) -> dict[str, Any]:
        kind = part["type"]
        if kind == "text":
            return {"type": "text", "text": part["text"]}
        media = next(part[key] for key in (kind, "path", "url") if part.get(key) is not None)
        try:
            if kind == "image":
                return {"type": kind, kind: _load_image(media)}
            frames, metadata = processor.video_processor.load_videos([media], **frame_options)
        except READING_ERRORS as error:
            raise UnreadableSampleError(f"{name}: {media} cannot be read: {error}") from error
        video_metadata.extend(metadata)
        return {"type": kind, kind: frames[0]}

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
