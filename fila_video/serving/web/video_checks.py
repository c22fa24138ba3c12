"""Which videos the page accepts, and why it refuses the others."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av


# Names of FFmpeg's readers. Playlists, which name other files or addresses, are not among them.
CONTAINERS = "mov,matroska"
FORMATS = "MP4, MOV, WebM or MKV"
MAX_PIXELS = 8192 * 4320


class RefusedVideoError(ValueError):
    """A video is not accepted. The message is for the visitor, and names no path of the server."""


@dataclass(frozen=True)
class Limits:
    """What a visitor may ask for.

    Args:
        max_megabytes: Largest file, in units of 2**20 bytes.
        max_minutes: Longest video.
        max_frames: Largest number of frames that can be set.
        max_answer_seconds: Longest time for which an answer is generated.
        max_turns: Largest number of questions in one conversation.
        max_question_length: Longest question, in characters.
        keep_seconds: How long an uploaded file is kept.
    """

    max_megabytes: int = 200
    max_minutes: float = 30
    max_frames: int = 256
    max_answer_seconds: float = 120
    max_turns: int = 20
    max_question_length: int = 2000
    keep_seconds: int = 3600

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if not value > 0:
                raise ValueError(f"{name}={value!r} must be positive.")

    @property
    def max_bytes(self) -> int:
        return self.max_megabytes * 2**20

    @property
    def text(self) -> str:
        """The limits on a video, in words."""
        return f"{FORMATS}, up to {self.max_megabytes} MB and {self.max_minutes:g} minutes"


@dataclass(frozen=True)
class CheckedVideo:
    """A video that was accepted; width and height are those of the picture that is shown, in pixels."""

    path: Path
    duration_seconds: float
    width: int
    height: int


def check_video(path: Path, limits: Limits, video_processor: Any) -> CheckedVideo:
    """
    Looks into a video: first at its header, then at its first and last frame.

    Args:
        path: File to look at.
        limits: What is accepted.
        video_processor: Video processor of the model, which reads two frames.

    Raises:
        RefusedVideoError: If the video is not accepted, with the reason in words for the visitor.
    """
    if not path.is_file():
        raise RefusedVideoError("The video is no longer on the server. Upload it again.")
    if path.stat().st_size > limits.max_bytes:
        raise RefusedVideoError(f"The file is larger than {limits.max_megabytes} MB.")
    _check_header(path)
    try:
        (video,) = video_processor.load_videos(str(path), num_frames=2)
    except (OSError, ValueError) as error:
        raise RefusedVideoError(without_folder(str(error), path)) from None
    metadata = video.metadata
    if metadata.duration_seconds > 60 * limits.max_minutes:
        minutes = metadata.duration_seconds / 60
        raise RefusedVideoError(f"The video lasts {minutes:.1f} minutes; the limit is {limits.max_minutes:g}.")
    return CheckedVideo(path, metadata.duration_seconds, metadata.width, metadata.height)


def _check_header(path: Path) -> None:
    options = {"format_whitelist": CONTAINERS, "protocol_whitelist": "file"}
    try:
        with av.open(f"file:{path}", container_options=options, metadata_errors="replace") as container:
            sizes = [(stream.codec_context.width, stream.codec_context.height) for stream in container.streams.video]
    except (av.FFmpegError, EOFError, AttributeError, ValueError):
        raise RefusedVideoError(f"{path.name} cannot be read as a video. Upload {FORMATS}.") from None
    if not sizes:
        raise RefusedVideoError(f"{path.name} holds no video.")
    if max(width * height for width, height in sizes) > MAX_PIXELS:
        raise RefusedVideoError(f"The pictures of {path.name} have more than {MAX_PIXELS:,} pixels.")


def without_folder(message: str, path: Path) -> str:
    """Replaces the path of a file by its name, in a message for a visitor."""
    return message.replace(str(path), path.name).replace(str(path.parent), "...")
