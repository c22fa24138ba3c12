"""Where the bytes of a video come from, and opening them with PyAV.

One source is opened several times, also at the same time.
"""

import io
import os
import threading
from functools import cached_property
from typing import BinaryIO
from urllib.parse import urlsplit

from PIL import Image

from .video_errors import VideoReadError
from .video_url import HttpFile


# transformers' loader of remote code takes an unguarded import for a requirement of the whole model.
try:
    import av
except ImportError:
    av = None


OLDEST_PYAV = (17, 1)

VideoInput = str | os.PathLike | bytes | BinaryIO

# Containers that hold a video in one file. Playlists (HLS, DASH, concat) are absent on purpose: what they name, another
# file or another address, is read with this process's rights. The audio formats are here for a better message.
FORMATS = (
    "mov,matroska,avi,mpegts,mpeg,mpegvideo,gif,apng,flv,asf,ogg,ivf,obu,h264,hevc,m4v,mxf,nut,rm,dv,wtv,vc1,"
    "wav,mp3,flac,aac"
)
# Python file objects are read through a callback: larger pieces, fewer calls.
BUFFER_BYTES = 256 * 1024


class VideoSource:
    """A path, bytes, a binary file object or an http(s) address, ready to be opened by any number of decoders."""

    def __init__(self, video: VideoInput, *, url_timeout_seconds: float, url_max_bytes: int):
        check_pyav()
        self.name = _name_of(video)
        self._downloaded: HttpFile | None = None
        if isinstance(video, bytes | bytearray | memoryview):
            self._open_file = lambda: io.BytesIO(video)
        elif isinstance(video, str) and _is_url(video):
            self._downloaded = HttpFile(video, timeout_seconds=url_timeout_seconds, max_bytes=url_max_bytes)
            self._open_file = SharedFile(self._downloaded).view
        elif isinstance(video, str | os.PathLike):
            path = _existing_file(os.fspath(video))
            self._open_file = lambda: "file:" + path  # a name with a colon is no protocol
        elif hasattr(video, "read") and hasattr(video, "seek"):
            self._open_file = SharedFile(video).view
        else:
            raise TypeError(f"A video is a path, bytes, a binary file or an http(s) URL, got {type(video).__name__}.")

    def open(self) -> "av.container.InputContainer":
        """A new container at the start of the file. The caller closes it.

        Raises:
            VideoReadError: nothing that FFmpeg knows as a video.
        """
        file = self._open_file()
        try:
            return av.open(
                file,
                mode="r",
                container_options={"format_whitelist": FORMATS, "protocol_whitelist": "file"},
                buffer_size=BUFFER_BYTES,
                metadata_errors="replace",
            )
        except (av.FFmpegError, EOFError) as error:
            raise VideoReadError(f"{self.name} is not a readable video: {error_cause(error)}") from error

    def open_image(self) -> Image.Image:
        """A new image at its first picture. The caller closes it.

        Raises:
            VideoReadError: not an image after all.
        """
        file = self._open_file()
        try:
            return Image.open(file.removeprefix("file:") if isinstance(file, str) else file)
        except (OSError, SyntaxError, ValueError) as error:
            raise VideoReadError(f"{self.name} is not a readable WebP image: {error}") from error

    @cached_property
    def is_webp(self) -> bool:
        """WebP is an image format to FFmpeg, which shows none of its animations: Pillow does."""
        file = self._open_file()
        with open(file.removeprefix("file:"), "rb") if isinstance(file, str) else file as opened:
            head = opened.read(12)
        return head[:4] == b"RIFF" and head[8:] == b"WEBP"

    @property
    def is_remote(self) -> bool:
        return self._downloaded is not None

    def close(self) -> None:
        if self._downloaded is not None:
            self._downloaded.close()


class SharedFile:
    """One seekable binary file that several readers use, each at a position of its own."""

    def __init__(self, file: BinaryIO):
        self.file = file
        self.lock = threading.Lock()

    def view(self) -> "SharedFileView":
        return SharedFileView(self)


class SharedFileView(io.RawIOBase):
    """A reader of a SharedFile. Closing it leaves the file open: that belongs to the caller."""

    def __init__(self, shared: SharedFile):
        self._shared = shared
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        if whence == io.SEEK_END:
            with self._shared.lock:
                offset += self._shared.file.seek(0, io.SEEK_END)
        elif whence == io.SEEK_CUR:
            offset += self._position
        self._position = offset
        return offset

    def read(self, size: int = -1) -> bytes:
        with self._shared.lock:
            self._shared.file.seek(self._position)
            data = self._shared.file.read(size)
        self._position += len(data)
        return data


def check_pyav() -> None:
    """Say so, where PyAV is missing, or cannot tell a frame's colours or resize by them."""
    needed = ".".join(map(str, OLDEST_PYAV))
    if av is None:
        raise ImportError(f"Reading a video needs PyAV, which is not installed: pip install 'av>={needed}'")
    if tuple(map(int, av.__version__.split(".")[:2])) < OLDEST_PYAV:
        raise ImportError(f"Reading a video needs PyAV >= {needed}, and this is {av.__version__}: pip install -U av")


def error_cause(error: Exception) -> str:
    """FFmpeg's words for an error, without its number and file."""
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


def _name_of(video: VideoInput) -> str:
    if isinstance(video, bytes | bytearray | memoryview):
        return f"<{len(video)} bytes>"
    if isinstance(video, str | os.PathLike):
        return os.fspath(video)
    return str(getattr(video, "name", None) or f"<{type(video).__name__}>")


def _is_url(video: str) -> bool:
    """Whether a string has a scheme of two letters or more (one letter is a Windows drive) and is no existing file."""
    return len(urlsplit(video).scheme) > 1 and not os.path.exists(video)


def _existing_file(path: str) -> str:
    if not os.path.exists(path):
        raise VideoReadError(f"{path} does not exist.")
    if not os.path.isfile(path):
        raise VideoReadError(f"{path} is not a file.")
    if os.path.getsize(path) == 0:
        raise VideoReadError(f"{path} is empty.")
    return os.path.abspath(path)
