"""Tells the browsers of visitors apart by a cookie, and remembers what belongs to which of them."""

import secrets
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from http.cookies import CookieError, SimpleCookie
from typing import Any


COOKIE = "fila_video"
MAX_CLAIMS = 10_000

# The parts of an ASGI application.
Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


class Claims:
    """Which browsers own what. The oldest entries are forgotten, and are nobody's then."""

    def __init__(self) -> None:
        self._owners: OrderedDict[str, set[str]] = OrderedDict()

    def add(self, name: str, cookie: str) -> None:
        """Makes a browser one of the owners: browsers that upload the same file get the same path."""
        self._owners.setdefault(name, set()).add(cookie)
        self._owners.move_to_end(name)
        if len(self._owners) > MAX_CLAIMS:
            self._owners.popitem(last=False)

    def is_owned(self, name: str, cookie: str) -> bool:
        return cookie in self._owners.get(name, ())

    def claim(self, name: str, cookie: str) -> bool:
        """Whether a browser owns something that belongs to whoever names it first."""
        if name not in self._owners:
            self.add(name, cookie)
        return self.is_owned(name, cookie)


def header(scope: Message, name: bytes) -> str:
    """The value of a header; empty without it."""
    return next((value.decode("latin-1") for key, value in scope["headers"] if key == name), "")


def cookie_of(scope: Message) -> str | None:
    """The value of the page's cookie, or None."""
    try:
        morsel = SimpleCookie(header(scope, b"cookie")).get(COOKIE)
    except CookieError:
        return None
    return morsel.value if morsel is not None and morsel.value else None


def with_new_cookie(scope: Message, send: Send) -> Send:
    """Adds a new cookie to the headers of the response."""
    value = f"{COOKIE}={secrets.token_urlsafe(32)}; Path=/; HttpOnly"
    is_secure = scope.get("scheme") == "https" or header(scope, b"x-forwarded-proto").startswith("https")
    # A Space is shown inside a page of another site, where only a cookie of this kind is sent.
    value += "; Secure; SameSite=None; Partitioned" if is_secure else "; SameSite=Lax"

    async def send_on(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message["headers"], (b"set-cookie", value.encode())]}
        await send(message)

    return send_on
