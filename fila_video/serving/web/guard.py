"""What stands between the network and Gradio: which requests pass, and whose files are whose.

Gradio serves any file of its upload folder to everyone who knows the path, fetches URLs that a client names in place of
a file, and has many routes that this page does not use. Here, a cookie identifies a browser, and a browser reaches only
what it has uploaded itself.
"""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from .visitors import Claims, Message, Receive, Send, cookie_of, header, with_new_cookie


MAX_BODY_BYTES = 2**20  # of requests other than uploads
FORM_BYTES = 16 * 1024  # what the form around an uploaded file may take

API = "/gradio_api"
UPLOAD = f"{API}/upload"
FILE = f"{API}/file="
WITH_BODY = (f"{API}/queue/join", f"{API}/cancel")
OPEN_PATHS = {
    *("/", "/config", "/theme.css", "/favicon.ico", "/robots.txt", "/manifest.json"),
    *(f"{API}/{name}" for name in ("info", "app_id", "startup-events", "upload_progress", "queue/status", "theme.css")),
}
OPEN_FOLDERS = ("/assets/", "/static/", "/svelte/", "/pwa_icon/")

NEEDS_COOKIE = "This page uses a cookie to keep the videos of its visitors apart. Allow cookies and load it again."
NOT_YOURS = "The request names something that this browser has not uploaded."

Application = Callable[[Message, Receive, Send], Awaitable[None]]


class Guard:
    """
    An ASGI application in front of Gradio's.

    Args:
        application: Gradio's application.
        upload_folder: Where Gradio keeps uploaded files.
        public_files: Files of this folder that everyone may have, such as the example videos.
        max_upload_bytes: Largest file that may be uploaded; a larger one is answered with status 413.
        max_stored_bytes: Size of all uploaded files together, from which on uploads are answered with status 507.
        keep_seconds: Age from which on files in the folder are deleted before an upload. Gradio deletes what was
            uploaded, but not what it has of uploads that broke off.
    """

    def __init__(
        self,
        application: Application,
        *,
        upload_folder: Path,
        public_files: list[Path],
        max_upload_bytes: int,
        max_stored_bytes: int,
        keep_seconds: float,
    ):
        self._application = application
        self._upload_folder = upload_folder
        self._public_files = {str(path) for path in public_files}
        self._max_upload_bytes = max_upload_bytes
        self._max_stored_bytes = max_stored_bytes
        self._keep_seconds = keep_seconds
        self._sessions = Claims()
        self._files = Claims()

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._application(scope, receive, send)
        elif scope["type"] == "http":
            await self._answer(scope, receive, send)

    async def _answer(self, scope: Message, receive: Receive, send: Send) -> None:
        path, method, cookie = scope["path"], scope["method"], cookie_of(scope)
        if path == "/" and cookie is None:
            await self._application(scope, receive, with_new_cookie(scope, send))
        elif method in ("GET", "HEAD") and (path in OPEN_PATHS or path.startswith(OPEN_FOLDERS)):
            await self._application(scope, receive, send)
        elif cookie is None:
            await refuse(send, 403, NEEDS_COOKIE)
        elif method == "POST" and path == UPLOAD:
            await self._upload(scope, receive, send, cookie)
        elif method == "POST" and path in WITH_BODY:
            await self._check_body(scope, receive, send, cookie)
        elif method in ("GET", "HEAD") and (allowed := self._may_get(scope, cookie)) is not None:
            await (self._application(scope, receive, send) if allowed else refuse(send, 403, NOT_YOURS))
        else:
            await refuse(send, 404, "There is no such page.")

    def _may_get(self, scope: Message, cookie: str) -> bool | None:
        """Whether a browser may have a file or the events of a session; None for any other path."""
        path = scope["path"]
        if path.startswith(FILE):
            return self._may_have(path.removeprefix(FILE), cookie)
        if path.startswith(f"{API}/heartbeat/"):
            return self._sessions.claim(path.removeprefix(f"{API}/heartbeat/"), cookie)
        if path == f"{API}/queue/data":
            names = parse_qs(scope["query_string"].decode("latin-1")).get("session_hash", [])
            return len(names) == 1 and self._sessions.claim(names[0], cookie)
        return None

    def _may_have(self, path: str, cookie: str) -> bool:
        return path in self._public_files or self._files.is_owned(path, cookie)

    async def _check_body(self, scope: Message, receive: Receive, send: Send, cookie: str) -> None:
        body = await read_body(receive)
        if body is None:
            await refuse(send, 413, "The request is too large.")
            return
        try:
            request = json.loads(body)
            session = request.get("session_hash")
            paths = list(paths_in(request))
        except (ValueError, AttributeError, RecursionError):
            await refuse(send, 400, "The request is not a JSON object.")
            return
        if not isinstance(session, str) or not self._sessions.claim(session, cookie):
            await refuse(send, 403, NOT_YOURS)
        elif not all(isinstance(path, str) and self._may_have(path, cookie) for path in paths):
            await refuse(send, 403, NOT_YOURS)
        else:
            await self._application(scope, replay(body, receive), send)

    async def _upload(self, scope: Message, receive: Receive, send: Send, cookie: str) -> None:
        length = header(scope, b"content-length")
        if not length.isdigit():  # the server holds a client to the length that it states
            await refuse(send, 411, "The upload does not say how large it is.")
        elif int(length) > self._max_upload_bytes + FORM_BYTES:
            await refuse(send, 413, f"The file is larger than {self._max_upload_bytes // 2**20} MB.")
        elif int(length) + await asyncio.to_thread(self._make_room) > self._max_stored_bytes:
            await refuse(send, 507, "There is no room for more videos at the moment. Try again in an hour.")
        else:
            await self._application(scope, receive, self._recording_owner(send, cookie))

    def _make_room(self) -> int:
        """Deletes old files, and returns the number of bytes of the others. A file may disappear in the meantime."""
        total, oldest = 0, time.time() - self._keep_seconds
        for path in self._upload_folder.rglob("*"):
            try:
                if not path.is_file() or str(path) in self._public_files:
                    continue
                if path.stat().st_mtime < oldest:
                    path.unlink()
                else:
                    total += path.stat().st_size
            except OSError:
                continue
        return total

    def _recording_owner(self, send: Send, cookie: str) -> Send:
        """Hands messages on, and remembers whose files they name. Gradio's answer to an upload is a list of paths."""
        body = bytearray()

        async def send_on(message: Message) -> None:
            body.extend(message.get("body", b""))
            if message["type"] == "http.response.body" and not message.get("more_body", False):
                try:
                    paths = json.loads(body)
                except ValueError:
                    paths = []  # an error message
                for path in paths if isinstance(paths, list) else []:
                    self._files.add(str(path), cookie)
            await send(message)

        return send_on


def paths_in(value: Any) -> Iterator[Any]:
    """Everything in a request that Gradio could take for the path or URL of a file."""
    if isinstance(value, dict):
        if "path" in value:
            yield value["path"]
        for item in value.values():
            yield from paths_in(item)
    elif isinstance(value, list):
        for item in value:
            yield from paths_in(item)


async def read_body(receive: Receive) -> bytes | None:
    """The whole body of a request, or None if it is too large."""
    body = bytearray()
    while True:
        message = await receive()
        body += message.get("body", b"")
        if len(body) > MAX_BODY_BYTES:
            return None
        if not message.get("more_body", False):
            return bytes(body)


def replay(body: bytes, receive: Receive) -> Receive:
    """Gives a body that has been read once more."""
    messages = iter([{"type": "http.request", "body": body, "more_body": False}])

    async def receive_again() -> Message:
        message = next(messages, None)
        return message if message is not None else await receive()

    return receive_again


async def refuse(send: Send, status: int, reason: str) -> None:
    """Answers with a status and a sentence."""
    body = json.dumps({"error": reason, "detail": reason}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
