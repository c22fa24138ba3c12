"""What a visitor reads when something fails."""

import html
import logging
from collections.abc import Iterable
from pathlib import Path

import torch

from .video_checks import without_folder


NOT_FINISHED = "The server could not answer. What went wrong is in its log."
logger = logging.getLogger(__name__)


def alert(text: str) -> str:
    """An error as HTML; screen readers read it aloud."""
    return f'<p role="alert">{html.escape(text)}</p>'


def reason_of(error: Exception, paths: Iterable[Path]) -> str:
    """Returns what a visitor reads about an error. Errors that are not about the video or a setting are only logged."""
    if isinstance(error, (torch.OutOfMemoryError, MemoryError)):
        return "The video needs more memory than the server has. Read fewer frames, or keep fewer scenes."
    if isinstance(error, (OSError, ValueError)):
        message = str(error)
        for path in paths:
            message = without_folder(message, path)
        return message
    logger.error("A question could not be answered.", exc_info=error)
    return NOT_FINISHED
