"""An http(s) address as a seekable file, fetched by ranges.

FFmpeg's http reader has no limit on bytes, and fsspec's needs a further package: this is the standard library alone.
Every piece is fetched once and kept in a temporary file, because several decoders pass over it.
"""

import io
import tempfile
import time
import urllib.error
import urllib.request
from http.client import HTTPException, HTTPResponse
from urllib.parse import urlsplit

from .video_errors import VideoReadError


PIECE_BYTES = 256 * 1024
SCHEMES = ("http", "https")


class HttpFile(io.RawIOBase):
    """A read-only file at an http(s) address.

    Args:
        url: http or https; a redirect to any other scheme is refused.
        timeout_seconds: the longest wait for a connection, and for each piece of 256 KiB.
        max_bytes: the most bytes fetched in all. A file that says it is larger is refused at once.

    Raises:
        ValueError: another scheme.
        VideoReadError: no answer, an error status, too many bytes. The message names the address and the cause.
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
        self._response_piece = 0  # the piece that the response gives next
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
        if self._response is not None:
            self._response.close()
        self._cache.close()
        super().close()

    def _fetch(self, piece: int) -> None:
        if self._response is None or piece != self._response_piece:
            self._open_response(piece)
        while piece not in self._cached:  # a server without ranges starts again from the first piece
            self._store_next_piece()

    def _open_response(self, piece: int) -> int:
        """Ask for everything from `piece` on; the size of the whole file."""
        if self._response is not None:
            self._response.close()
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
                raise VideoReadError(f"{self._url} gave no {wanted} bytes within {self._timeout_seconds} seconds.")
        return bytes(data)

    def _receive_some(self, wanted: int) -> bytes:
        try:
            return self._response.read1(wanted)
        except (OSError, HTTPException) as error:
            raise VideoReadError(f"{self._url} cannot be fetched: {error}") from error

    def _count(self, num_bytes: int) -> None:
        self._fetched_bytes += num_bytes
        if self._fetched_bytes > self._max_bytes:
            raise VideoReadError(f"{self._url} gave more than the limit of {self._max_bytes} bytes.")


class _HttpOnlyRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, req, fp, code, msg, headers, newurl):
        if urlsplit(newurl).scheme.lower() not in SCHEMES:
            raise urllib.error.URLError(f"it leads to {newurl!r}, which is neither http nor https")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def check_scheme(url: str) -> None:
    """Refuse every scheme but http and https (`file:` above all: a server must not read its own disk for a client)."""
    scheme = urlsplit(url).scheme.lower()
    if scheme not in SCHEMES:
        raise ValueError(f"A video's URL must be http or https, got {scheme!r} in {url!r}.")
