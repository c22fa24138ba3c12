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
"""One request to a web server, with limits that hold whatever the server does, and with a policy of addresses.

It is built on the standard library. The time limits of other HTTP clients restart with every byte that arrives, so a
server that sends a byte per second can block them forever.
"""

import io
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPResponse
from typing import Any
from urllib.parse import urljoin, urlsplit
from urllib.request import getproxies, proxy_bypass

from .reader_address import HttpAddress, is_public_address, parse_http_url
from .reader_names import shown_name


URL_POLICIES = ("safe_redirects", "public_only", "unrestricted")
# `fila_video.__version__`, which this file cannot import. A test holds them equal.
USER_AGENT = "FiLA-Video/0.1.0"
MAX_REDIRECTS = 10
REDIRECTS = (301, 302, 303, 307, 308)
# Headers, trailers and sizes of chunks that may come along with the content in one step.
MAX_OVERHEAD_BYTES = 4 * 2**20


class Budget:
    """How long a server may still be waited for, and how much it may send.

    Args:
        step_seconds: Longest time for one step: an answer up to the end of its headers, or one piece of the file.
        total_seconds: Longest time for all steps together.
    """

    def __init__(self, step_seconds: float, total_seconds: float):
        self._step_seconds = step_seconds
        self._total_seconds = total_seconds
        self._used_seconds = 0.0
        self._start = self._seconds = 0.0
        self._bytes_left = 0

    @contextmanager
    def step(self, content_bytes: int = 0) -> Iterator[None]:
        """Bounds what is done inside, which receives this number of bytes in addition to headers."""
        self._start = time.monotonic()
        self._seconds = min(self._step_seconds, self._total_seconds - self._used_seconds)
        self._bytes_left = content_bytes + MAX_OVERHEAD_BYTES
        try:
            yield
        except TimeoutError:
            raise TimeoutError(self._reason()) from None
        finally:
            self._used_seconds += time.monotonic() - self._start

    def seconds_left(self) -> float:
        """Returns the time left for the step, more than 0.

        Raises:
            TimeoutError: If there is none.
        """
        seconds = self._start + self._seconds - time.monotonic()
        if seconds <= 0:
            raise TimeoutError
        return seconds

    def count(self, num_bytes: int) -> None:
        """Notes that bytes have been received.

        Raises:
            OSError: If the server sends much more than the content that it is asked for.
        """
        self._bytes_left -= num_bytes
        if self._bytes_left < 0:
            raise OSError(f"the server sent more than {MAX_OVERHEAD_BYTES} bytes in addition to the content")

    def _reason(self) -> str:
        if self._seconds < self._step_seconds:
            return f"the server was waited for longer than the {self._total_seconds:g} seconds of url_total_seconds"
        return f"the server did not send enough within {self._step_seconds:g} seconds"


def open_url(url: str, headers: dict[str, str], budget: Budget, policy: str) -> HTTPResponse:
    """Requests a URL, follows redirects, and returns the answer with its content still to be read.

    The answer may have any status. Proxies are taken from the environment, as `urllib` does. A proxy finds the address
    of a host name itself, so that the policy cannot judge names behind a proxy.

    Args:
        url: An http or https URL.
        headers: Headers of the request.
        budget: Its present step bounds the request and what is read of the answer.
        policy: One of `URL_POLICIES`; see `VideoReader`.

    Raises:
        ValueError: If the URL is malformed.
        PermissionError: If the policy forbids the address, or a redirect.
        OSError, HTTPException: If no answer comes.
    """
    target, authorization, was_public = parse_http_url(url), None, False
    for _ in range(MAX_REDIRECTS + 1):
        authorization = target.authorization or authorization
        sock, is_public = _connect(target, budget, must_be_public=_must_be_public(policy, was_public))
        was_public = was_public or is_public
        extra = {"Authorization": authorization} if authorization else {}
        response = _request(sock, target, {**headers, **extra}, budget)
        location = response.headers.get("Location")
        if response.status not in REDIRECTS or location is None:
            return response
        response.close()
        url = urljoin(url, location.encode("latin-1").decode("utf-8"))
        before, target = target, _redirected(url, target, policy)
        if target.origin != before.origin:
            authorization = None
    raise OSError(f"it redirects more than {MAX_REDIRECTS} times")


def _must_be_public(policy: str, was_public: bool) -> bool:
    return policy == "public_only" or (policy == "safe_redirects" and was_public)


def _redirected(url: str, before: HttpAddress, policy: str) -> HttpAddress:
    if urlsplit(url).scheme.lower() not in ("http", "https"):
        raise PermissionError(f"it redirects to {shown_name(url)!r}, which is neither http nor https")
    target = parse_http_url(url)
    if policy != "unrestricted" and (before.scheme, target.scheme) == ("https", "http"):
        raise PermissionError(f"it redirects from https to {shown_name(url)!r} (url_policy={policy!r})")
    return target


def _request(sock: Any, target: HttpAddress, headers: dict[str, str], budget: Budget) -> HTTPResponse:
    connection = HTTPConnection(target.host, target.port)
    connection.sock = _LimitedSocket(sock, budget)  # type: ignore[assignment]
    try:
        sock.settimeout(budget.seconds_left())
        connection.request("GET", _selector(target), headers=_common_headers(target) | headers)
        return connection.getresponse()
    except BaseException:
        sock.close()
        raise


def _selector(target: HttpAddress) -> str:
    is_proxied = target.scheme == "http" and _proxy(target) is not None
    return f"http://{target.host_header}{target.selector}" if is_proxied else target.selector


def _common_headers(target: HttpAddress) -> dict[str, str]:
    headers = {"Host": target.host_header, "User-Agent": USER_AGENT, "Accept": "*/*", "Connection": "close"}
    proxy = _proxy(target)
    if target.scheme == "http" and proxy is not None and proxy.authorization:
        headers["Proxy-Authorization"] = proxy.authorization
    return headers


class _LimitedSocket:
    """The part of a socket that `http.client` needs, with the limits of a budget."""

    def __init__(self, sock: Any, budget: Budget):
        self._sock = sock
        self._budget = budget
        self.sendall = sock.sendall

    def makefile(self, mode: str) -> io.BufferedReader:
        return io.BufferedReader(_LimitedReader(self._sock, self._budget))

    def close(self) -> None:
        """The file of the answer closes the socket."""


class _LimitedReader(io.RawIOBase):
    def __init__(self, sock: Any, budget: Budget):
        self._sock = sock
        self._budget = budget

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._sock.settimeout(self._budget.seconds_left())
        received = self._sock.recv_into(buffer)
        self._budget.count(received)
        return received

    def close(self) -> None:
        self._sock.close()
        super().close()


# --- connecting ------------------------------------------------------------------------------------------------------


def _connect(target: HttpAddress, budget: Budget, *, must_be_public: bool) -> tuple[Any, bool]:
    """Returns a socket that is connected to the server, and whether the address of the server is public."""
    proxy = _proxy(target)
    if proxy is None:
        addresses = _resolve(target.host, target.port, budget)
    else:
        addresses = _addresses_of_numeric_host(target)
    allowed = [address for address in addresses if not must_be_public or is_public_address(address[4][0])]
    if addresses and not allowed:
        raise PermissionError(f"{target.host} has the address {addresses[0][4][0]}, which is not public (url_policy)")
    if proxy is None:
        sock: Any = _connect_to_one(allowed, budget)
        is_public = is_public_address(sock.getpeername()[0])
    else:
        sock = _connect_to_one(_resolve(proxy.host, proxy.port, budget), budget)
        is_public = all(is_public_address(address[4][0]) for address in allowed)
    try:
        return (_encrypted(sock, target, proxy, budget) if target.scheme == "https" else sock), is_public
    except BaseException:
        sock.close()
        raise


def _proxy(target: HttpAddress) -> HttpAddress | None:
    """Returns the proxy that the environment names for this request."""
    url = getproxies().get(target.scheme)
    if not url or proxy_bypass(f"{target.host}:{target.port}"):
        return None
    return parse_http_url(url if "://" in url else f"http://{url}")


def _addresses_of_numeric_host(target: HttpAddress) -> list[Any]:
    """Returns the address that a host such as `127.0.0.1`, `127.1` or `localhost` stands for, and none for a name."""
    host = "127.0.0.1" if target.host == "localhost" or target.host.endswith(".localhost") else target.host
    try:
        return socket.getaddrinfo(host, target.port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
    except socket.gaierror:
        return []


def _resolve(host: str, port: int, budget: Budget) -> list[Any]:
    """Looks the addresses of a host up. The system's function has no time limit, so it runs in a thread."""
    results: list[Any] = []

    def look_up() -> None:
        try:
            results.append(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        except (OSError, ValueError) as error:
            results.append(error)

    thread = threading.Thread(target=look_up, daemon=True)
    thread.start()
    thread.join(budget.seconds_left())
    if not results:
        raise TimeoutError
    if isinstance(results[0], Exception):
        raise results[0]
    return results[0]


def _connect_to_one(addresses: list[Any], budget: Budget) -> socket.socket:
    """Returns a connection to the first address that accepts one. They share the time that is left."""
    refusal: OSError | None = None
    for place, (family, kind, protocol, _, address) in enumerate(addresses):
        sock = socket.socket(family, kind, protocol)
        try:
            sock.settimeout(budget.seconds_left() / (len(addresses) - place))
            sock.connect(address)
            return sock
        except OSError as error:
            sock.close()
            refusal = error
    raise refusal or OSError("the host has no address")


def _encrypted(sock: socket.socket, target: HttpAddress, proxy: HttpAddress | None, budget: Budget) -> ssl.SSLSocket:
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    if proxy is not None:
        _ask_for_tunnel(sock, target, proxy, budget)
    sock.settimeout(budget.seconds_left())  # of the whole handshake
    return context.wrap_socket(sock, server_hostname=target.host)


def _ask_for_tunnel(sock: socket.socket, target: HttpAddress, proxy: HttpAddress, budget: Budget) -> None:
    host = f"[{target.host}]" if ":" in target.host else target.host
    lines = [f"CONNECT {host}:{target.port} HTTP/1.1", f"Host: {host}:{target.port}", f"User-Agent: {USER_AGENT}"]
    if proxy.authorization:
        lines.append(f"Proxy-Authorization: {proxy.authorization}")
    sock.settimeout(budget.seconds_left())
    sock.sendall("\r\n".join([*lines, "", ""]).encode("ascii"))
    answer = bytearray()
    while not answer.endswith(b"\r\n\r\n"):  # byte by byte: what follows belongs to the encrypted connection
        sock.settimeout(budget.seconds_left())
        received = sock.recv(1)
        budget.count(len(received))
        if not received:
            raise ConnectionResetError("the proxy closed the connection")
        answer += received
    status = answer.split(b"\r\n")[0].decode("latin-1").split(" ")
    if len(status) < 2 or status[1] != "200":
        raise OSError(f"the proxy answered {' '.join(status[1:])!r}")
