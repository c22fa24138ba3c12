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
"""The parts of an http(s) URL as a request needs them, and which addresses are public."""

import base64
import ipaddress
import re
from typing import NamedTuple
from urllib.parse import quote, unquote, urlsplit


DEFAULT_PORTS = {"http": 80, "https": 443}
# Characters that may stand in a path or query as they are. A percent sign is handled apart.
SAFE_CHARACTERS = "%/:?@!$&'()*+,;=[]~"
NAT64 = ipaddress.ip_network("64:ff9b::/96")


class HttpAddress(NamedTuple):
    """Where a request goes.

    Attributes:
        scheme: `"http"` or `"https"`.
        host: Host in ASCII: a name, or an IP address without brackets.
        port: Port number.
        selector: Path and query, percent-encoded.
        authorization: Value of the header `Authorization` for the user and password in the URL; None without them.
    """

    scheme: str
    host: str
    port: int
    selector: str
    authorization: str | None

    @property
    def host_header(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def origin(self) -> tuple[str, str, int]:
        return self.scheme, self.host, self.port


def parse_http_url(url: str) -> HttpAddress:
    """Takes an http(s) URL apart. Spaces and characters outside ASCII are encoded as browsers do.

    Raises:
        ValueError: If the scheme is another one, or host or port are malformed. The message does not repeat the URL.
    """
    parts = urlsplit(url)
    scheme = parts.scheme.lower()
    if scheme not in DEFAULT_PORTS:
        raise ValueError("the URL of a video must be http or https")
    host = parts.hostname or ""
    if ":" not in host:
        host = host.encode("idna").decode("ascii")
    if not host or re.search(r"[\x00-\x20\x7f]", host):
        raise ValueError("the URL names no valid host")
    port = DEFAULT_PORTS[scheme] if parts.port is None else parts.port
    selector = _encoded(parts.path or "/") + (f"?{_encoded(parts.query)}" if parts.query else "")
    return HttpAddress(scheme, host, port, selector, basic_authorization(parts.username, parts.password))


def basic_authorization(user: str | None, password: str | None) -> str | None:
    """Returns the value of a header for a user and password as they stand in a URL; None without a user."""
    if user is None:
        return None
    return "Basic " + base64.b64encode(f"{unquote(user)}:{unquote(password or '')}".encode()).decode()


def is_public_address(address: str) -> bool:
    """Whether an IP address can be reached by everyone: it is not private, loopback, link-local, shared or reserved.

    An IPv6 address that stands for an IPv4 address is judged by the latter.
    """
    ip = ipaddress.ip_address(address.partition("%")[0])  # without the zone of a link-local address
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)
        if ip in NAT64:
            inner = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        if inner is not None:
            return is_public_address(str(inner))
    return ip.is_global and not ip.is_multicast


def _encoded(text: str) -> str:
    return quote(re.sub(r"%(?![0-9a-fA-F]{2})", "%25", text), safe=SAFE_CHARACTERS)
