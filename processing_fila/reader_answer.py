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
"""The answer of a web server to a request for a file from some byte on, checked before its content is used."""

import re
from http.client import IncompleteRead

from .reader_http import Budget, open_url


CONTENT_RANGE = re.compile(r"bytes ([0-9]{1,18})-([0-9]{1,18})/([0-9]{1,18})")
CONTENT_LENGTH = re.compile(r"[0-9]{1,18}")


class RangeAnswer:
    """The bytes of a file from some place on. The caller closes it.

    Args:
        url: An http or https URL.
        start: Offset of the first byte that is wanted. A server without ranges sends the file from its start.
        validator: Value of `validator` of an earlier answer; the server then sends a part of the same file only.
        budget: Limits of time.
        policy: One of `URL_POLICIES`.

    Attributes:
        start: Offset of the first byte that is sent.
        is_partial: Whether the server knows ranges.
        size: Size of the whole file in bytes; None if the server sends it in chunks without a size.
        validator: What identifies this version of the file, if the server says it: an entity tag or a date.

    Raises:
        OSError, HTTPException, ValueError: If there is no answer, or not the one that was asked for.
    """

    def __init__(self, url: str, start: int, *, validator: str | None, budget: Budget, policy: str):
        headers = {"Range": f"bytes={start}-"}
        if start and validator is not None:
            headers["If-Range"] = validator
        with budget.step():
            self._response = open_url(url, headers, budget, policy)
        try:
            self._read_headers(start)
        except BaseException:
            self.close()
            raise

    def receive(self, num_bytes: int) -> bytes:
        """Returns 1 to `num_bytes` bytes as soon as they come, or none at the end of the answer.

        Raises:
            IncompleteRead: If the answer ends before the end that its headers promise.
            OSError, HTTPException: If the connection breaks off in another way.
        """
        data = self._response.read1(num_bytes)
        self._position += len(data)
        if not data and self._end is not None and self._position < self._end:
            raise IncompleteRead(b"", self._end - self._position)
        return data

    def close(self) -> None:
        self._response.close()

    def _read_headers(self, start: int) -> None:
        response = self._response
        if response.status not in (200, 206):
            raise OSError(f"the server answers {response.status} {response.reason}".strip())
        if response.headers.get("Content-Encoding", "identity").lower() != "identity":
            raise OSError("the server sends it compressed, which it was not asked for")
        self.is_partial = response.status == 206
        self.start, self._end, self.size = self._part(start) if self.is_partial else self._whole()
        self._position = self.start
        tag = response.headers.get("ETag", "")
        self.validator = tag if tag.startswith('"') else response.headers.get("Last-Modified")

    def _part(self, start: int) -> tuple[int, int, int]:
        stated = self._response.headers.get("Content-Range", "")
        match = CONTENT_RANGE.fullmatch(stated.strip())
        if match is None:
            raise OSError(f"the server does not say how large the file is: its Content-Range is {stated!r}")
        first, last, size = map(int, match.groups())
        if first != start or not first <= last < size:
            raise OSError(f"the server sends {stated!r} when it is asked for what starts at byte {start}")
        return first, last + 1, size

    def _whole(self) -> tuple[int, int | None, int | None]:
        if self._response.chunked:
            return 0, None, None
        stated = self._response.headers.get("Content-Length", "")
        if not CONTENT_LENGTH.fullmatch(stated.strip()):
            raise OSError(f"the server does not say how large the file is: its Content-Length is {stated!r}")
        return 0, int(stated), int(stated)
