"""Finds and opens the file of a clip, and names the error of a clip that cannot be used.

Captions, plans, pools and clips may come from somebody else. So a name must stay inside its folder. A file is opened
only as one of the formats that the video reader reads, and none of them can lead to another file.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

import av

from processing_fila.reader_container import FORMATS


# What reading a broken clip raises: PyAV, the video reader, and texts or numbers in the file that cannot be converted.
CLIP_ERRORS = (OSError, EOFError, ValueError, IndexError, ArithmeticError, MemoryError)


class BadClipError(ValueError):
    """A clip that cannot be used. The message is the reason, without the name of the clip."""


def clip_path(root: Path | str, name: str) -> Path:
    """Returns the path of a file below a folder.

    Args:
        root: The folder. It may be a symbolic link itself.
        name: Path of the file below the folder, with forward slashes.

    Raises:
        BadClipError: If the name or a symbolic link leads out of the folder, or to a pipe or a device.
    """
    try:
        path, folder = Path(root, name), Path(root).resolve()
        if ".." in PurePosixPath(name).parts or not path.resolve().is_relative_to(folder):
            raise BadClipError("the path leads out of the video root")
        if path.exists() and not path.is_file():
            raise BadClipError("is not a regular file")
    except (OSError, RuntimeError) as error:  # a name that is too long, or links in a circle
        raise BadClipError("has a path that cannot be used") from error
    except ValueError as error:
        raise error if isinstance(error, BadClipError) else BadClipError("has a path that cannot be used") from error
    return path


@contextmanager
def open_clip(path: Path) -> Iterator["av.container.InputContainer"]:
    """Opens a clip's container. Neither a playlist nor a reference in a file can lead to another place."""
    options = {"format_whitelist": FORMATS, "protocol_whitelist": "file"}
    with av.open(f"file:{path}", container_options=options, metadata_errors="replace") as container:
        yield container


def video_stream(container: "av.container.InputContainer") -> "av.VideoStream":
    """Returns the video stream that FFmpeg considers best.

    Raises:
        BadClipError: If there is no video stream, or this FFmpeg does not know its codec.
    """
    stream = container.streams.best("video")
    if not isinstance(stream, av.VideoStream):
        raise BadClipError("has no video stream")
    if stream.codec_context is None:
        raise BadClipError("has a video stream with an unknown codec")
    return stream
