"""Which subtitle files the page accepts, and why it refuses the others."""

from pathlib import Path
from typing import Any

from .video_checks import RefusedVideoError, without_folder


SUFFIXES = (".srt", ".vtt", ".ass", ".ssa")
MAX_MEGABYTES = 4  # a day of speech has about one


def can_read_subtitles(video_processor: Any) -> bool:
    """Whether the code of the model reads subtitles. A Space may run the code of an older model."""
    return hasattr(video_processor, "read_subtitles")


def check_subtitles(path: Path, video_processor: Any) -> int:
    """
    Reads a subtitle file.

    Args:
        path: The file.
        video_processor: Video processor of the model, which reads it.

    Returns:
        The number of its lines.

    Raises:
        RefusedVideoError: If the file is not accepted, with the reason in words for the visitor.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise RefusedVideoError(f"Subtitles are files of the types {', '.join(SUFFIXES)}.")
    if not path.is_file():
        raise RefusedVideoError("The subtitles are no longer on the server. Upload them again.")
    if path.stat().st_size > MAX_MEGABYTES * 2**20:
        raise RefusedVideoError(f"The subtitles are larger than {MAX_MEGABYTES} MB.")
    try:
        lines = video_processor.read_subtitles(str(path))
    except (OSError, ValueError) as error:
        raise RefusedVideoError(without_folder(str(error), path)) from None
    if not lines:
        raise RefusedVideoError(f"{path.name} has no subtitles.")
    return len(lines)
