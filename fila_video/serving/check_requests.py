"""Refuses requests that name files of the server, or that switch a protection off, and fetches their images."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

from processing_fila.reader import VideoReadError

from .fetch_images import fetch_images


ALLOWED_SCHEMES = ("http", "https", "data")
MEDIA_PARTS = ("video_url", "image_url", "audio_url", "input_image")
SUBTITLES = "subtitles"
# Fields of a request whose contents reach the processor: of transformers' server and of vLLM's.
PROCESSOR_FIELDS = ("chat_template_kwargs", "mm_processor_kwargs")
PROTECTED_ARGUMENTS = (
    *("sanitize_control_tokens", "chat_template", "processor_kwargs", "text_kwargs", "videos_kwargs"),
    *("url_timeout_seconds", "url_total_seconds", "url_max_bytes", "url_policy"),
    *("max_pixels", "max_seconds"),
)

Message = dict[str, Any]
Application = Callable[[Message, Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]], Awaitable]


class CheckRequests:
    """
    An ASGI application in front of another one.

    A request is answered with status 400 if a video, an image or subtitles in it are no http(s) or data URL, or if it
    sets one of the arguments of the processor that protect the server. Images at http(s) URLs are fetched here, and
    their data URLs take their place, because transformers would fetch them from any address and without a limit. Videos
    and subtitles are fetched by our reader, which has limits. All other requests pass unchanged.

    Args:
        application: The application to protect.
        max_body_bytes: Largest body of a request; larger ones are answered with status 413.
        url_policy: Which addresses the URLs of images may lead to; see `VideoReader`.
    """

    def __init__(self, application: Application, *, max_body_bytes: int = 256 * 2**20, url_policy: str = "public_only"):
        self._application = application
        self._max_body_bytes = max_body_bytes
        self._url_policy = url_policy

    async def __call__(self, scope: Message, receive: Callable, send: Callable) -> None:
        if scope["type"] != "http" or scope["method"] != "POST":
            await self._application(scope, receive, send)
            return
        body = await self._read(receive)
        if body is None:
            await _refuse(send, 413, "The request is too large.")
            return
        if fault := find_fault(body):
            await _refuse(send, 400, fault)
            return
        try:
            body = await asyncio.to_thread(fetch_images, body, self._url_policy)
        except (VideoReadError, ValueError) as error:
            await _refuse(send, 400, str(error))
            return
        messages = iter([{"type": "http.request", "body": body, "more_body": False}])

        async def receive_again() -> Message:
            message = next(messages, None)
            return message if message is not None else await receive()

        await self._application(scope, receive_again, send)

    async def _read(self, receive: Callable) -> bytes | None:
        """The whole body, or None if it is too large."""
        body = bytearray()
        while True:
            message = await receive()
            body += message.get("body", b"")
            if len(body) > self._max_body_bytes:
                return None
            if not message.get("more_body", False):
                return bytes(body)


def find_fault(body: bytes) -> str | None:
    """What is wrong with the JSON body of a request, or None. A body that is no JSON object is left to the server."""
    try:
        request = json.loads(body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(request, dict):
        return None
    for field in PROCESSOR_FIELDS:
        arguments = request.get(field) or {}
        if not isinstance(arguments, dict):
            return f"{field} must be an object."
        for name in PROTECTED_ARGUMENTS:
            if name in arguments:
                return f"{field} must not hold {name!r}."
    for url in media_urls(request):
        if not isinstance(url, str) or scheme_of(url) not in ALLOWED_SCHEMES:
            return "Videos, images and subtitles must be http, https or data URLs."
    return None


def scheme_of(url: str) -> str:
    """The scheme of a URL, in lower case; empty for a malformed URL."""
    try:
        return urlsplit(url).scheme
    except ValueError:
        return ""


def media_urls(value: Any) -> Iterator[Any]:
    """Everything in a request that stands for a video, an image or subtitles."""
    if isinstance(value, dict):
        for name, item in value.items():
            if name == SUBTITLES:
                yield from subtitle_urls(item)
            elif name in MEDIA_PARTS:
                yield item.get("url") if isinstance(item, dict) else item
            else:
                yield from media_urls(item)
    elif isinstance(value, list):
        for item in value:
            yield from media_urls(item)


def subtitle_urls(value: Any) -> Iterator[Any]:
    """What stands for a subtitle file. True and False stand for the text track of the client's video and for none."""
    values = value if isinstance(value, list) else [value]
    yield from (item for item in values if not isinstance(item, bool))


async def _refuse(send: Callable, status: int, message: str) -> None:
    body = json.dumps({"error": {"message": message, "type": "invalid_request_error"}}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
