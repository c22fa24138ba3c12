"""Opens the container of a clip, and names the error of a clip that cannot be used."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import av


class BadClipError(ValueError):
    """A clip that cannot be used. The message is the reason, without the name of the clip."""


@contextmanager
def open_clip(path: Path) -> Iterator["av.container.InputContainer"]:
    """Opens a clip's container. Only local files are opened, so a playlist cannot lead to another place."""
    with av.open(f"file:{path}", container_options={"protocol_whitelist": "file"}) as container:
        yield container


def video_stream(container: "av.container.InputContainer") -> "av.VideoStream":
    """Returns the video stream that FFmpeg considers best.

    Raises:
        BadClipError: If there is no video stream.
    """
    stream = container.streams.best("video")
    if not isinstance(stream, av.VideoStream):
        raise BadClipError("has no video stream")
    return stream
