"""A web server of a test that sends whatever bytes it likes, whenever it likes."""

import re
import socket
import ssl
import threading
from collections.abc import Callable
from pathlib import Path


# It gets the connection and the request, and sends what it wants. The connection is closed afterwards.
Answer = Callable[[socket.socket, "Request"], None]
# A certificate and its key, for localhost and 127.0.0.1.
CERTIFICATE = Path(__file__).parent / "processing_fila" / "localhost.pem"


class Request:
    """The head of a request."""

    def __init__(self, head: bytes):
        self.text = head.decode("ascii")
        self.target = self.text.split(" ")[1]
        lines = self.text.split("\r\n")[1:]
        self.headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}

    @property
    def start(self) -> int:
        """The first byte that is asked for."""
        return int(re.search(r"bytes=(\d+)-", self.headers["range"])[1])


class RawServer:
    """Answers every connection in a thread of its own, until the end of the `with` block.

    Attributes:
        requests: The requests so far.
    """

    def __init__(self, answer: Answer, *, is_encrypted: bool = False):
        self._answer = answer
        self._context = None
        if is_encrypted:
            self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._context.load_cert_chain(CERTIFICATE)
        self._listener = socket.create_server(("", 0))
        self.port = self._listener.getsockname()[1]
        self.requests: list[Request] = []
        self._thread = threading.Thread(target=self._accept, daemon=True)

    def url(self, path: str = "video", *, host: str = "127.0.0.1") -> str:
        return f"{'http' if self._context is None else 'https'}://{host}:{self.port}/{path}"

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            with self._context.wrap_socket(connection, server_side=True) if self._context else connection as stream:
                head = b""
                while not head.endswith(b"\r\n\r\n"):
                    byte = stream.recv(1)
                    if not byte:
                        return
                    head += byte
                self.requests.append(Request(head))
                self._answer(stream, self.requests[-1])
        except OSError:  # the client has closed the connection
            pass

    def __enter__(self) -> "RawServer":
        self._thread.start()
        return self

    def __exit__(self, *_) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()


def head(status: str, **headers: object) -> bytes:
    """The head of an answer; underscores in names stand for hyphens."""
    lines = [f"HTTP/1.1 {status}", *(f"{name.replace('_', '-')}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def part(data: bytes, start: int, **headers: object) -> bytes:
    """The head of a right answer that sends `data` from `start` on."""
    content_range = f"bytes {start}-{len(data) - 1}/{len(data)}"
    return head("206 Partial Content", Content_Length=len(data) - start, Content_Range=content_range, **headers)
