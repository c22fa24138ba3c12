"""Opens a clip and reads what planning and joining need to know: its length, and the formats of its streams."""

import warnings
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from processing_fila.reader import VideoDamageWarning, VideoReader

from .open_clip import CLIP_ERRORS, BadClipError, open_clip
from .stream_format import audio_format, video_format


@dataclass(frozen=True)
class ClipFacts:
    """What is known about a clip after it was opened.

    Args:
        seconds: Time from the first frame shown to the end of the last one. The header and the audio are ignored.
        num_frames: Number of frames shown.
        format: Format of the video stream: see `video_format`. Clips with the same format can be joined without
            re-encoding.
        audio: Format of the audio stream: see `audio_format`. None for a clip without sound.
    """

    seconds: float
    num_frames: int
    format: str
    audio: str | None

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def probe_clip(path: Path, *, decode: str = "first") -> ClipFacts:
    """Reads all packets of a clip and decodes its frames.

    Args:
        path: The clip.
        decode: "first" decodes the first frame only; "all" decodes every frame, which takes much longer.

    Raises:
        BadClipError: If the file is not a readable video or is cut off, or if `decode="all"` finds a damaged frame.
    """
    try:
        with VideoReader(path, on_damage="error") as reader:
            if decode == "all":
                check_all_frames(reader)
            seconds, num_frames = round(reader.duration_seconds, 6), reader.num_frames
        with open_clip(path) as container:
            video, audio = video_format(container), audio_format(container)
    except BadClipError:
        raise
    except CLIP_ERRORS as error:
        raise BadClipError(_reason(error, path)) from error
    if seconds <= 0:
        raise BadClipError("has a length of 0 seconds")
    return ClipFacts(seconds=seconds, num_frames=num_frames, format=video, audio=audio)


def count_readable(reader: VideoReader) -> int:
    """Counts the frames that can be decoded without damage. Damage warnings are silenced: the caller reports them."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", VideoDamageWarning)
        return sum(1 for _ in reader.frames_at(range(reader.num_frames), size=(32, 32)))


def check_all_frames(reader: VideoReader) -> None:
    """Raises `BadClipError` unless every frame can be decoded without damage."""
    num_read = count_readable(reader)
    if num_read < reader.num_frames:
        raise BadClipError(f"{reader.num_frames - num_read} of {reader.num_frames} frames are damaged")


def _reason(error: Exception, path: Path) -> str:
    return str(getattr(error, "strerror", None) or error or type(error).__name__).replace(f"{path} ", "").rstrip(".")
