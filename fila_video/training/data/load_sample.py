"""Reads the images and videos of a sample; an error names the sample and the file."""

import os
import random
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from processing_fila import FilaVideoProcessor

from .data_config import check_numbers_above_0
from .load_image import load_image


# Longest name of a file in an error message; a data URL may have millions of characters.
LONGEST_NAME = 300


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

    Raises:
        ValueError: If a number is not above 0.
    """

    num_frames: int | list[int] | None = None
    fps: float | list[float] | None = None
    max_frames: int | None = None
    seed: int = 0
    num_frames_of: Mapping[str, int | list[int]] = field(default_factory=dict)

    def __post_init__(self):
        # Checked here, so that an error while a file is read comes from the file.
        for name in ("num_frames", "max_frames"):
            check_numbers_above_0(name, getattr(self, name), int, "a whole number")
        check_numbers_above_0("fps", self.fps, (int, float), "a number")
        for source, number in self.num_frames_of.items():
            check_numbers_above_0(f"num_frames of {source}", number, int, "a whole number")

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
        ValueError: If an image or video that is given in memory cannot be used.
    """
    video_metadata: list = []

    def loaded(part: dict[str, Any]) -> dict[str, Any]:
        kind = part["type"]
        if kind == "text":
            return {"type": "text", "text": part["text"]}
        options = {key: value for key, value in part.items() if key not in ("type", kind)}
        content = _read(name, kind, part[kind], options, processor, frame_options)
        if kind == "video":
            video_metadata.append(content.metadata)
        return {"type": kind, kind: content}

    messages = processor.normalize_messages(messages)
    chat = [{"role": message["role"], "content": [loaded(part) for part in _parts(message)]} for message in messages]
    return LoadedSample(name, chat, video_metadata)


def _parts(message: dict[str, Any]) -> list[dict[str, Any]]:
    content = message["content"]
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


def _read(
    name: str,
    kind: str,
    media: Any,
    own_options: dict[str, Any],
    processor: FilaVideoProcessor,
    frame_options: dict[str, Any],
) -> Any:
    """Returns a PIL image or a LoadedVideo."""
    try:
        if kind == "image":
            return load_image(media)
        given = processor.video_processor.as_one_video(media, own_options)
        video = processor.video_processor.load_videos([given], **frame_options)[0]
        subtitles = own_options.get("subtitles")
        if subtitles in (None, False):
            return video
        lines = processor.video_processor.read_subtitles(given.content if subtitles is True else subtitles)
        return video.with_subtitles("", lines)  # the processor writes those that fit into the prompt
    except ImportError:
        raise  # a package is missing, which is no fault of the file
    except Exception as error:
        # A broken file can cause any exception: Pillow's decoders raise SyntaxError, ValueError, TypeError,
        # struct.error and others. What is given in memory is the caller's own.
        if not isinstance(media, (str, bytes, os.PathLike)):
            raise
        shown = f"<{len(media)} bytes>" if isinstance(media, bytes) else f"{media!s:.{LONGEST_NAME}}"
        cause = f"{error}" if isinstance(error, (OSError, ValueError)) else f"{type(error).__name__}: {error}"
        raise UnreadableSampleError(f"{name}: {shown} cannot be read: {cause}") from error
