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
"""An http(s) URL as a seekable file, fetched by ranges, with the standard library alone.

FFmpeg's http reader cannot limit the number of bytes, and fsspec's needs another package. Every piece is fetched once
and kept in a temporary file, because several decoders read it.
"""

import io
import tempfile
import time
import urllib.error
import urllib.request
from http.client import HTTPException, HTTPResponse
from urllib.parse import urlsplit

from .reader_errors import VideoReadError


PIECE_BYTES = 256 * 1024
SCHEMES = ("http", "https")


class HttpFile(io.RawIOBase):
    """A read-only file at an http(s) URL.

    Args:
        url: An http or https URL. A redirect to any other scheme is refused.
        timeout_seconds: Longest wait for a connection, and for each piece of 256 KiB.
        max_bytes: Largest number of bytes fetched in total. A larger file is refused at once.

    Attributes:
        size: Size of the file in bytes.

    Raises:
        ValueError: If the URL has another scheme.
        VideoReadError: If the server does not answer, answers with an error, or sends too many bytes. The message
            names the URL and the cause. Reading may raise it as well.
    """

    def __init__(self, url: str, *, timeout_seconds: float, max_bytes: int):
        check_scheme(url)
        self._url = url
        self._timeout_seconds = timeout_seconds
        self._max_bytes = max_bytes
        self._opener = urllib.request.build_opener(_HttpOnlyRedirects)
        self._fetched_bytes = 0
        self._position = 0
        self._cached: set[int] = set()
        self._cache = tempfile.TemporaryFile()
        self._response: HTTPResponse | None = None
        self._response_piece = 0  # the piece that comes next in the response
        try:
            self.size = self._open_response(piece=0)
        except BaseException:
            self.close()
            raise

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

    def close(self) -> None:
        self._close_response()
        self._cache.close()
        super().close()

    def _close_response(self) -> None:
        if self._response is not None:
            self._response.close()

    def _fetch(self, piece: int) -> None:
        if self._response is None or piece != self._response_piece:
            self._open_response(piece)
        while piece not in self._cached:  # a server without ranges starts at the first piece again
            self._store_next_piece()

    def _open_response(self, piece: int) -> int:
        """Requests everything from `piece` on, and returns the size of the whole file."""
        self._close_response()
        request = urllib.request.Request(self._url, headers={"Range": f"bytes={piece * PIECE_BYTES}-"})
        try:
            self._response = self._opener.open(request, timeout=self._timeout_seconds)
        except urllib.error.HTTPError as error:
            error.close()
            raise VideoReadError(f"{self._url} cannot be fetched: {error}") from error
        except (OSError, HTTPException) as error:
            raise VideoReadError(f"{self._url} cannot be fetched: {error}") from error
        is_partial = self._response.status == 206
        self._response_piece = piece if is_partial else 0
        return self._checked_size(self._response.headers, is_partial)

    def _checked_size(self, headers, is_partial: bool) -> int:
        stated = headers.get("Content-Range", "").rpartition("/")[2] if is_partial else headers.get("Content-Length")
        if not (stated or "").isdigit():
            raise VideoReadError(f"{self._url} cannot be fetched: the server does not say how large the file is.")
        if int(stated) > self._max_bytes:
            raise VideoReadError(f"{self._url} has {stated} bytes, more than the limit of {self._max_bytes}.")
        return int(stated)

    def _store_next_piece(self) -> None:
        start = self._response_piece * PIECE_BYTES
        wanted = min(PIECE_BYTES, self.size - start)
        data = self._receive(wanted)
        if len(data) < wanted:
            raise VideoReadError(f"{self._url} ended after {start + len(data)} of {self.size} bytes.")
        self._cache.seek(start)
        self._cache.write(data)
        self._cached.add(self._response_piece)
        self._response_piece += 1

    def _receive(self, wanted: int) -> bytes:
        deadline = time.monotonic() + self._timeout_seconds
        data = bytearray()
        while len(data) < wanted:
            received = self._receive_some(wanted - len(data))
            if not received:
                break
            data += received
            self._count(len(received))
            if time.monotonic() > deadline:
                raise VideoReadError(f"{self._url} did not send {wanted} bytes within {self._timeout_seconds} seconds.")
        return bytes(data)

    def _receive_some(self, wanted: int) -> bytes:
        assert self._response is not None
        try:
            return self._response.read1(wanted)
        except (OSError, HTTPException) as error:
            raise VideoReadError(f"{self._url} cannot be fetched: {error}") from error

    def _count(self, num_bytes: int) -> None:
        self._fetched_bytes += num_bytes
        if self._fetched_bytes > self._max_bytes:
            raise VideoReadError(f"{self._url} sent more than the limit of {self._max_bytes} bytes.")


class _HttpOnlyRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, req, fp, code, msg, headers, newurl):
        if urlsplit(newurl).scheme.lower() not in SCHEMES:
            raise urllib.error.URLError(f"it redirects to {newurl!r}, which is neither http nor https")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def check_scheme(url: str) -> None:
    """Refuses other schemes. With `file:`, for example, the client of a server could read the disk of the server.

    Raises:
        ValueError: If the scheme is neither http nor https.
    """
    scheme = urlsplit(url).scheme.lower()
    if scheme not in SCHEMES:
        raise ValueError(f"The URL of a video must be http or https, got {scheme!r} in {url!r}.")
