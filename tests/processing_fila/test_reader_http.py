"""What is sent to a web server, and which addresses a URL may lead to."""

import socket
import threading
from collections.abc import Iterator

import pytest

import processing_fila.reader_http
from fila_video import __version__
from processing_fila.reader import VideoReader, VideoReadError
from processing_fila.reader_http import USER_AGENT, Budget, open_url
from tests.clips import draw_clip
from tests.raw_server import CERTIFICATE, RawServer, Request, head, part


PRIVATE, PUBLIC = "127.0.0.1", "127.0.0.2"


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return draw_clip(tmp_path_factory.mktemp("clips") / "clip.mp4", seconds=1).read_bytes()


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
def one_public_address(monkeypatch) -> None:
    """Makes one of the loopback addresses public."""
    monkeypatch.setattr(processing_fila.reader_http, "is_public_address", lambda address: address == PUBLIC)


@pytest.fixture
def server(data) -> Iterator[RawServer]:
    """Sends the video at any path. Of /to/..., it redirects to the URL that follows."""

    def answer(connection: socket.socket, request: Request) -> None:
        path = request.target.partition("/to/")
        if path[1]:
            connection.sendall(head("302 Found", Location=path[2]))
        else:
            connection.sendall(part(data, request.start) + data[request.start :])

    with RawServer(answer) as server:
        yield server


def request_of(server: RawServer, url: str, **options) -> Request:
    """The last request when a URL is opened."""
    VideoReader(url, **options).close()
    return server.requests[-1]


# --- what is sent ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "sent"),
    [
        ("süß/видео 1.mp4", "/s%C3%BC%C3%9F/%D0%B2%D0%B8%D0%B4%D0%B5%D0%BE%201.mp4"),  # by JavaScript's encodeURI
        ("s%C3%BC%2Fa.mp4?x=1%202", "/s%C3%BC%2Fa.mp4?x=1%202"),
        ("100%.mp4?q=é&r=a b#part", "/100%25.mp4?q=%C3%A9&r=a%20b"),
        ("a.mp4?sig=a+b/c==&t=(1);~'!*$,@:", "/a.mp4?sig=a+b/c==&t=(1);~'!*$,@:"),
        ('a"<b>^`{|}\\.mp4', "/a%22%3Cb%3E%5E%60%7B%7C%7D%5C.mp4"),
        ("", "/"),
    ],
)
def test_any_character_may_be_in_a_url(path, sent, server):
    assert request_of(server, server.url(path)).target == sent


def test_a_url_of_a_host_alone(server):
    assert request_of(server, f"http://127.0.0.1:{server.port}?a=1").target == "/?a=1"


def test_a_redirect_to_other_characters(server):
    def answer(connection: socket.socket, request: Request) -> None:
        connection.sendall(b"HTTP/1.1 302 Found\r\nLocation: " + server.url("süß 1").encode() + b"\r\n\r\n")

    with RawServer(answer) as first:
        assert request_of(server, first.url()).target == "/s%C3%BC%C3%9F%201"


def test_our_own_name_and_version(server):
    assert USER_AGENT == f"FiLA-Video/{__version__}"
    request = request_of(server, server.url())
    assert request.headers["user-agent"] == USER_AGENT
    assert request.headers["host"] == f"127.0.0.1:{server.port}"
    assert request.headers["accept-encoding"] == "identity"


def test_user_and_password(server):
    url = f"http://user:pass%20w%C3%B6rd@127.0.0.1:{server.port}/video"
    # printf 'user:pass wörd' | base64
    assert request_of(server, url).headers["authorization"] == "Basic dXNlcjpwYXNzIHfDtnJk"
    assert "authorization" not in request_of(server, server.url()).headers


@pytest.mark.parametrize(("host", "is_sent"), [("127.0.0.1", True), ("localhost", False)])
def test_a_password_is_not_sent_to_another_host(host, is_sent, server):
    url = f"http://user:word@127.0.0.1:{server.port}/to/{server.url(host=host)}"
    assert ("authorization" in request_of(server, url).headers) is is_sent


@pytest.mark.parametrize(
    "url",
    [
        "http://[",
        "http://[::1",
        "http:///video",
        "http://",
        "http:video",
        "http://host:port/video?token=secret",
        "http://host:99999/video",
        "http://user:pass/secret@host/video",
        "http://" + "a" * 70 + ".example/video",
        "http://a..example/video",
        "http://ex ample.org/video",
        "http://\udc80.example/video",
        "http://127.0.0.1:9/\udc80",
        "http://127.0.0.1:9/" + "a" * 1_000_000,
        "http://does-not-exist.invalid/video?token=secret",
    ],
    ids=lambda url: ascii(url[:60]),
)
def test_malformed_urls(url):
    with pytest.raises(VideoReadError) as error:
        VideoReader(url, url_timeout_seconds=20)
    assert "secret" not in str(error.value) and len(str(error.value)) < 1000


def test_a_proxy_of_the_environment(monkeypatch, server):
    monkeypatch.setenv("http_proxy", f"http://me:word@127.0.0.1:{server.port}")
    request = request_of(server, "http://example.invalid/a b")
    assert request.target == "http://example.invalid/a%20b"
    assert request.headers["host"] == "example.invalid"
    assert request.headers["proxy-authorization"] == "Basic bWU6d29yZA=="  # printf me:word | base64
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    assert request_of(server, server.url()).target == "/video"


def test_https_through_a_proxy(monkeypatch, data):
    def answer(connection: socket.socket, request: Request) -> None:
        connection.sendall(part(data, request.start) + data[request.start :])

    def tunnel(connection: socket.socket, request: Request) -> None:
        host, port = request.target.split(":")
        assert request.text.startswith("CONNECT ") and host == "localhost"
        with socket.create_connection(("127.0.0.1", int(port))) as other:
            connection.sendall(b"HTTP/1.1 200 Established\r\n\r\n")
            back = threading.Thread(target=copy, args=(other, connection))
            back.start()
            copy(connection, other)
            back.join()

    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))
    with RawServer(answer, is_encrypted=True) as server, RawServer(tunnel) as proxy:
        monkeypatch.setenv("https_proxy", f"127.0.0.1:{proxy.port}")
        assert request_of(server, server.url(host="localhost")).target == "/video"
        assert len(proxy.requests) == 1


def copy(source: socket.socket, target: socket.socket) -> None:
    try:
        while received := source.recv(2**16):
            target.sendall(received)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        pass


@pytest.mark.parametrize("status", ["407 Proxy Authentication Required", "502 Bad Gateway"])
def test_a_proxy_that_refuses(status, monkeypatch):
    def answer(connection: socket.socket, request: Request) -> None:
        connection.sendall(head(status))

    with RawServer(answer) as proxy:
        monkeypatch.setenv("https_proxy", proxy.url(""))
        with pytest.raises(VideoReadError, match=f"the proxy answered '{status}'"):
            VideoReader("https://example.invalid/video")


def test_the_certificate_is_checked(data):
    with RawServer(lambda *_: None, is_encrypted=True) as server:
        with pytest.raises(VideoReadError, match="certificate"):
            VideoReader(server.url())


# --- which addresses are allowed -------------------------------------------------------------------------------------


def test_a_url_may_name_any_address(server):
    assert request_of(server, server.url())
    assert request_of(server, server.url("to/" + server.url()))


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "127.1", "2130706433", "0x7f000001", "0.0.0.0", "[::ffff:127.0.0.1]"]
)
def test_only_public_addresses(host, server):
    with pytest.raises(VideoReadError, match="which is not public"):
        VideoReader(server.url(host=host), url_policy="public_only")
    assert not server.requests


@pytest.mark.parametrize("policy", ["safe_redirects", "public_only"])
def test_a_redirect_from_a_public_address_to_a_private_one(policy, server, one_public_address):
    url = server.url("to/" + server.url(host=PRIVATE), host=PUBLIC)
    with pytest.raises(VideoReadError, match=f"{PRIVATE}, which is not public"):
        VideoReader(url, url_policy=policy)
    assert len(server.requests) == 1
    assert request_of(server, url, url_policy="unrestricted").target == "/video"


def test_a_private_address_on_the_way_opens_no_other(server, one_public_address):
    """From a public address to a public one and then to a private one."""
    url = server.url("to/" + server.url("to/" + server.url(host=PRIVATE), host=PUBLIC), host=PUBLIC)
    with pytest.raises(VideoReadError, match="not public"):
        VideoReader(url)


def test_a_redirect_between_public_addresses(server, one_public_address):
    url = server.url("to/" + server.url(host=PUBLIC), host=PUBLIC)
    assert request_of(server, url, url_policy="public_only").target == "/video"
    assert request_of(server, server.url("to/" + server.url(host=PUBLIC))).target == "/video"


def test_a_name_with_a_public_and_a_private_address(monkeypatch, server, one_public_address):
    """The private one is not connected to, whichever comes first."""
    found = [socket.getaddrinfo(host, server.port, type=socket.SOCK_STREAM)[0] for host in (PRIVATE, PUBLIC)]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
    connected = []
    real = socket.socket.connect
    monkeypatch.setattr(socket.socket, "connect", lambda sock, to: (connected.append(to[0]), real(sock, to))[1])
    VideoReader(f"http://name.example:{server.port}/video", url_policy="public_only").close()
    assert set(connected) == {PUBLIC}


def test_a_redirect_from_https_to_http(server, monkeypatch):
    def answer(connection: socket.socket, request: Request) -> None:
        connection.sendall(head("302 Found", Location=server.url("video?token=secret")))

    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))
    with RawServer(answer, is_encrypted=True) as first:
        with pytest.raises(VideoReadError, match="redirects from https to") as error:
            VideoReader(first.url())
        assert "secret" not in str(error.value) and not server.requests
        assert request_of(server, first.url(), url_policy="unrestricted").target == "/video?token=secret"


def test_a_proxy_gets_no_private_address(monkeypatch, server):
    monkeypatch.setenv("http_proxy", f"127.0.0.1:{server.port}")
    for host in ("127.0.0.1", "localhost", "127.1", "10.0.0.1", "[::1]"):
        with pytest.raises(VideoReadError, match="not public"):
            VideoReader(f"http://{host}/video", url_policy="public_only")
    assert not server.requests
    assert request_of(server, "http://example.invalid/video", url_policy="public_only")


def test_unknown_policy():
    with pytest.raises(ValueError, match="url_policy must be one of .* got 'safe'"):
        VideoReader("http://127.0.0.1:9/video", url_policy="safe")


def test_looking_a_name_up_has_a_limit(monkeypatch):
    done = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: done.wait(60))
    with pytest.raises(TimeoutError, match="within 0.2 seconds"):
        budget = Budget(0.2, 10)
        with budget.step():
            open_url("http://name.example/video", {}, budget, "unrestricted")
    done.set()


def test_an_address_that_does_not_answer_leaves_time_for_the_next_one(monkeypatch, server):
    found = [socket.getaddrinfo(host, server.port, type=socket.SOCK_STREAM)[0] for host in ("127.0.0.3", PRIVATE)]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
    real = socket.socket.connect

    def connect(sock: socket.socket, address: tuple[str, int]) -> None:
        if address[0] == "127.0.0.3":
            threading.Event().wait(sock.gettimeout())
            raise TimeoutError
        real(sock, address)

    monkeypatch.setattr(socket.socket, "connect", connect)
    VideoReader(f"http://name.example:{server.port}/video", url_timeout_seconds=1).close()


def test_a_server_that_does_not_shake_hands():
    listener = socket.create_server(("127.0.0.1", 0))
    with listener, pytest.raises(VideoReadError, match="within 0.3 seconds"):
        VideoReader(f"https://127.0.0.1:{listener.getsockname()[1]}/video", url_timeout_seconds=0.3)
