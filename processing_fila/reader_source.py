# Copyright 2026 The FiLA-Video contributors. All rights reserved.
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.
"""Where the bytes of a video come from. The same source is opened several times, also at the same time."""

import base64
import io
import os
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import BinaryIO, Protocol

from .reader_errors import VideoReadError
from .reader_limits import ReadingGuard, ReadLimits
from .reader_names import shortened, shown_name
from .reader_url import HttpFile, UrlOptions


# The loader of remote code in transformers takes an unguarded import for a requirement of the whole model.
try:
    import av
except ImportError:
    av = None  # type: ignore[assignment]


OLDEST_PYAV = (17, 1)
HEAD_BYTES = 32

VideoInput = str | os.PathLike | bytes | BinaryIO


class SeekableFile(Protocol):
    """The methods that a binary file object must have."""

    def seek(self, offset: int, whence: int = ..., /) -> int: ...

    def read(self, size: int = ..., /) -> bytes: ...


class VideoSource:
    """A path, bytes, a binary file object or an http(s) URL, which any number of decoders can open.

    Args:
        video: The path, bytes, file object or URL.
        url_options: Limits and policy for a URL.
        limits: Limits on what reading may cost.

    Attributes:
        name: What error messages call the video.
        is_mended: Whether only a part of the file is read (see `replace`).
        guard: Raises an error where a limit is passed.

    Raises:
        VideoReadError: If the path names no file or an empty file, or the server does not answer.
        ValueError: If the URL is neither http nor https.
        TypeError: If `video` is none of the above.
        ImportError: If PyAV is missing or too old.
    """

    def __init__(self, video: VideoInput, *, url_options: UrlOptions, limits: ReadLimits):
        check_pyav()
        if isinstance(video, str) and video[:5].lower() == "data:":
            video = bytes_of_data_url(video)
        self.name = _name_of(video)
        self.is_mended = False
        self._downloaded: HttpFile | None = None
        if isinstance(video, str) and _is_url(video):
            self._downloaded = HttpFile(video, url_options)
            self._open: Callable[[], str | io.BytesIO | SharedFileView] = SharedFile(self._downloaded).view
        else:
            self._open = _opener_of(video)
        self.guard = ReadingGuard(limits, self.name, self._num_bytes())

    def open(self) -> "str | io.BytesIO | SharedFileView":
        """Returns the absolute path of a file, or a new file object at the start of anything else."""
        return self._open()

    @cached_property
    def head(self) -> bytes:
        """The first bytes of the file, by which formats are recognized."""
        file = self.open()
        with open(file, "rb") if isinstance(file, str) else file as opened:
            return opened.read(HEAD_BYTES)

    @property
    def is_webp(self) -> bool:
        """Whether this is a WebP image. FFmpeg shows none of its animations, Pillow does."""
        return self.head[:4] == b"RIFF" and self.head[8:12] == b"WEBP"

    def _num_bytes(self) -> int:
        file = self.open()
        return os.path.getsize(file) if isinstance(file, str) else file.seek(0, io.SEEK_END)

    @property
    def is_remote(self) -> bool:
        """Whether the bytes come from a server."""
        return self._downloaded is not None

    def has_fetched(self, start: int, stop: int) -> bool:
        """Whether the bytes `[start, stop)` can be read without asking a server."""
        return self._downloaded is None or self._downloaded.has_fetched(start, stop)

    def replace(self, data: bytes) -> None:
        """Lets this source hold other bytes, the part of the file that is not cut off."""
        self.is_mended = True
        self._open = lambda: io.BytesIO(data)

    def close(self) -> None:
        """Deletes what was downloaded. A file object of the caller stays open."""
        if self._downloaded is not None:
            self._downloaded.close()


class SharedFile:
    """One seekable binary file that several readers use, each at its own position."""

    def __init__(self, file: SeekableFile):
        self.file = file
        self.lock = threading.Lock()

    def view(self) -> "SharedFileView":
        """Returns a new reader at the start of the file."""
        return SharedFileView(self)


class SharedFileView(io.RawIOBase):
    """A reader of a `SharedFile`. Closing it leaves the file open, which belongs to the caller."""

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


@contextmanager
def named_errors(source: VideoSource) -> Iterator[None]:
    """Turns what FFmpeg and Pillow raise for a bad file into a VideoReadError with the name of the file.

    Errors of the operating system and of the caller's own file object are left as they are.
    """
    try:
        yield
    except av.FFmpegError as error:
        raise VideoReadError(f"{source.name} cannot be read: {cause_of(error)}") from error


def cause_of(error: Exception) -> str:
    """Returns the words of an error, without FFmpeg's number and file."""
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


def check_pyav() -> None:
    """Checks that PyAV is installed, and is new enough to read the colors of a frame and to resize with them.

    Raises:
        ImportError: If it is not. The message says what to install.
    """
    needed = ".".join(map(str, OLDEST_PYAV))
    if av is None:
        raise ImportError(f"Reading a video needs PyAV, which is not installed: pip install 'av>={needed}'")
    if tuple(map(int, av.__version__.split(".")[:2])) < OLDEST_PYAV:
        raise ImportError(f"Reading a video needs PyAV >= {needed}, and this is {av.__version__}: pip install -U av")


def _opener_of(video: VideoInput) -> Callable[[], str | io.BytesIO | SharedFileView]:
    if isinstance(video, bytes | bytearray | memoryview):
        return lambda: io.BytesIO(video)
    if isinstance(video, str | os.PathLike):
        path = _existing_file(os.fspath(video))
        return lambda: path
    if hasattr(video, "read") and hasattr(video, "seek"):
        return SharedFile(video).view
    raise TypeError(f"A video is a path, bytes, a binary file or an http(s) URL, got {type(video).__name__}.")


def bytes_of_data_url(url: str) -> bytes:
    """Returns the bytes in a URL such as `data:video/mp4;base64,AAAA`.

    Raises:
        VideoReadError: If the content is not base64.
    """
    header, _, content = url.partition(",")
    try:
        if not header.lower().endswith(";base64"):
            raise ValueError("it does not say ';base64'")
        return base64.b64decode(content, validate=True)
    except ValueError as error:
        raise VideoReadError(f"The data URL {header[:60]!r} cannot be read: {error}.") from None


def _name_of(video: VideoInput) -> str:
    if isinstance(video, bytes | bytearray | memoryview):
        return f"<{len(video)} bytes>"
    if isinstance(video, str | os.PathLike):
        return shown_name(os.fsdecode(video))
    return shortened(str(getattr(video, "name", None) or f"<{type(video).__name__}>"))


def _is_url(video: str) -> bool:
    """Whether a string has a scheme of two letters or more (one letter is a Windows drive) and is no existing file."""
    return re.match(r"[A-Za-z][A-Za-z0-9+.-]+:", video) is not None and not os.path.exists(video)


def _existing_file(path: str) -> str:
    if not os.path.exists(path):
        raise VideoReadError(f"{shown_name(path)} does not exist.")
    if not os.path.isfile(path):
        raise VideoReadError(f"{path} is not a file.")
    if os.path.getsize(path) == 0:
        raise VideoReadError(f"{path} is empty.")
    return os.path.abspath(path)
