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
"""An http(s) URL as a seekable file, fetched by ranges within limits of time and size.

`reader_http` sends the requests, `reader_answer` checks the answers. Every piece is kept in a temporary file, because
several decoders read it.
"""

import io
import ssl
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from http.client import HTTPException, IncompleteRead

from .reader_address import DEFAULT_PORTS
from .reader_answer import RangeAnswer
from .reader_errors import VideoReadError
from .reader_http import URL_POLICIES, Budget
from .reader_names import shortened, shown_name


PIECE_BYTES = 256 * 1024
# How often the connection may break off before another piece is complete.
MAX_DROPS = 3
PAUSE_SECONDS = 0.2  # before the next attempt; twice as long before each further one
# What a connection raises that breaks off. A refused connection and a time limit are final.
DROPPED = (ConnectionResetError, ConnectionAbortedError, BrokenPipeError, IncompleteRead, ssl.SSLEOFError)


@dataclass(frozen=True)
class UrlOptions:
    """How URLs are read. `VideoReader` explains the fields.

    Raises:
        ValueError: If a limit is not positive, or the policy is unknown.
    """

    timeout_seconds: float = 30.0
    total_seconds: float = 600.0
    max_bytes: int = 2**31
    policy: str = "safe_redirects"

    def __post_init__(self):
        for name in ("timeout_seconds", "total_seconds", "max_bytes"):
            if not getattr(self, name) > 0:
                raise ValueError(f"url_{name} must be positive, got {getattr(self, name)}.")
        if self.policy not in URL_POLICIES:
            raise ValueError(f"url_policy must be one of {URL_POLICIES}, got {self.policy!r}.")


class HttpFile(io.RawIOBase):
    """A read-only file at an http(s) URL.

    Args:
        url: An http or https URL, which may hold a user and a password.
        options: Limits and policy.

    Attributes:
        size: Size of the file in bytes. If the server does not state it, the whole file is fetched at once.

    Raises:
        ValueError: If the URL has another scheme.
        VideoReadError: If the URL is malformed, the policy forbids its address, or the server does not answer, answers
            with an error, sends too many bytes, or takes too long. The message names the URL, without passwords and
            queries, and the cause. Reading may raise it as well.
    """

    def __init__(self, url: str, options: UrlOptions):
        self._name = shown_name(url)
        check_scheme(url)
        self._url = url
        self._options = options
        self._budget = Budget(options.timeout_seconds, options.total_seconds)
        self.size: int
        self._position = 0
        self._cached: set[int] = set()
        self._cache = tempfile.TemporaryFile()
        self._answer: RangeAnswer | None = None
        self._next_byte = 0  # the one that the answer sends next, or the first one to ask for
        self._known_size: int | None = None
        self._validator: str | None = None
        self._fetched_bytes = 0
        self._num_drops = 0  # since a piece was completed
        try:
            self._attempt(self._open_answer)
            while self._known_size is None:
                self._attempt(self._receive_piece)
            if self._known_size == 0:
                raise VideoReadError(f"{self._name} is empty.")
        except BaseException:
            self.close()
            raise
        self.size = self._known_size

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._position = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self.size}[whence]
        return self._position

    def read(self, size: int = -1) -> bytes:
        end = self.size if size < 0 else min(self._position + size, self.size)
        if end <= self._position:
            return b""
        for piece in range(self._position // PIECE_BYTES, -(-end // PIECE_BYTES)):
            if piece not in self._cached:
                self._fetch(piece)
        self._cache.seek(self._position)
        data = self._cache.read(end - self._position)
        self._position += len(data)
        return data

    def has_fetched(self, start: int, stop: int) -> bool:
        """Whether the bytes `[start, stop)` are kept already."""
        return all(piece in self._cached for piece in range(start // PIECE_BYTES, -(-stop // PIECE_BYTES)))

    def close(self) -> None:
        self._close_answer()
        self._cache.close()
        super().close()

    def _close_answer(self) -> None:
        if self._answer is not None:
            self._answer.close()
            self._answer = None

    def _fetch(self, piece: int) -> None:
        if self._answer is None or (self._answer.is_partial and self._next_byte != piece * PIECE_BYTES):
            self._close_answer()
            self._next_byte = piece * PIECE_BYTES
        while piece not in self._cached:  # an answer without ranges brings the pieces before it as well
            self._attempt(self._receive_piece)

    def _open_answer(self) -> None:
        answer = RangeAnswer(
            self._url,
            self._next_byte,
            validator=self._validator,
            budget=self._budget,
            policy=self._options.policy,
        )
        self._answer = answer
        self._next_byte = answer.start
        if answer.size is not None:
            if answer.size > self._options.max_bytes:
                raise VideoReadError(
                    f"{self._name} has {answer.size} bytes, more than the limit of {self._options.max_bytes}."
                )
            if self._known_size not in (None, answer.size):
                raise VideoReadError(f"{self._name} changed from {self._known_size} to {answer.size} bytes meanwhile.")
            self._known_size = answer.size
        if self._validator is not None and answer.validator not in (None, self._validator):
            raise VideoReadError(f"{self._name} changed meanwhile: the server now has another version of it.")
        self._validator = answer.validator

    def _receive_piece(self) -> None:
        """Receives the piece at which the answer stands, up to its end or that of the answer."""
        if self._answer is None:
            self._open_answer()
        assert self._answer is not None
        piece = self._next_byte // PIECE_BYTES
        end = (piece + 1) * PIECE_BYTES
        end = end if self._known_size is None else min(end, self._known_size)
        with self._budget.step(end - self._next_byte):
            while self._next_byte < end and (data := self._answer.receive(end - self._next_byte)):
                self._store(data)
        if self._next_byte < end:
            self._close_answer()
            if self._known_size is not None:  # a part of the file that is shorter than what was asked for
                return
            self._known_size = self._next_byte
        if piece not in self._cached:
            self._cached.add(piece)
            self._num_drops = 0

    def _store(self, data: bytes) -> None:
        self._fetched_bytes += len(data)
        if self._fetched_bytes > self._options.max_bytes:
            raise VideoReadError(f"{self._name} sent more than the limit of {self._options.max_bytes} bytes.")
        self._cache.seek(self._next_byte)
        self._cache.write(data)
        self._next_byte += len(data)

    def _attempt(self, step: Callable[[], None]) -> None:
        """Takes a step, again from where it stopped if the connection breaks off.

        Raises:
            VideoReadError: If it breaks off too often, or fails in another way.
        """
        while True:
            try:
                return step()
            except VideoReadError:
                raise
            except DROPPED as error:
                self._close_answer()
                self._num_drops += 1
                if self._num_drops > MAX_DROPS:
                    raise VideoReadError(self._message_of_drops(error)) from None
                time.sleep(PAUSE_SECONDS * 2 ** (self._num_drops - 1))
            except (OSError, HTTPException, ValueError) as error:
                cause = shortened(str(error)) or type(error).__name__
                raise VideoReadError(f"{self._name} cannot be fetched: {cause}.") from None

    def _message_of_drops(self, error: Exception) -> str:
        size = "an unknown number of" if self._known_size is None else self._known_size
        cause = "" if isinstance(error, IncompleteRead) else f" ({error})"
        return f"{self._name} ended after {self._next_byte} of {size} bytes, {self._num_drops} times{cause}."


def check_scheme(url: str) -> None:
    """Refuses other schemes. With `file:`, for example, the client of a server could read the disk of the server.

    Raises:
        ValueError: If the scheme is neither http nor https.
    """
    scheme = url.partition(":")[0].lower()
    if scheme not in DEFAULT_PORTS:
        raise ValueError(f"The URL of a video must be http or https, got {scheme!r} in {shown_name(url)!r}.")
