"""Videos from web servers that misbehave: they break off, send another file, or never come to an end."""

import socket
import time
from pathlib import Path

import numpy as np
import pytest

import processing_fila.reader_url
from processing_fila.reader import VideoReader, VideoReadError, read_video
from processing_fila.reader_url import PIECE_BYTES
from tests.clips import draw_clip
from tests.raw_server import RawServer, Request, head, part


@pytest.fixture(autouse=True)
def no_pause(monkeypatch) -> None:
    monkeypatch.setattr(processing_fila.reader_url, "PAUSE_SECONDS", 0.0)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clip of several pieces."""
    path = tmp_path_factory.mktemp("clips") / "clip.mp4"
    draw_clip(path, seconds=6, size=(240, 320), codec="mpeg4", codec_options={"qscale": "1", "flags": "+qscale"})
    path.write_bytes(path.read_bytes() + box(b"free", bytes(3 * PIECE_BYTES)))
    return path


def box(name: bytes, content: bytes) -> bytes:
    return (len(content) + 8).to_bytes(4, "big") + name + content


def fetch(server: RawServer, path: str = "video", **options) -> bytes:
    """All bytes of the file, as the reader gets them."""
    with VideoReader(server.url(path), **options) as reader:
        return reader._source.open().read()


def chunked(data: bytes, size: int, start: int = 0) -> bytes:
    places = range(start, len(data), size)
    return b"".join(b"%x;note=1\r\n%b\r\n" % (len(data[i : i + size]), data[i : i + size]) for i in places)


def test_an_answer_in_chunks(clip):
    data = clip.read_bytes()

    def answer(connection: socket.socket, request: Request) -> None:
        connection.sendall(head("200 OK", Transfer_Encoding="chunked") + chunked(data, 3000) + b"0\r\nSum: 1\r\n\r\n")

    with RawServer(answer) as server:
        video = read_video(server.url(), num_frames=7)
        assert fetch(server) == data
    np.testing.assert_array_equal(video.frames, read_video(clip, num_frames=7).frames)


@pytest.mark.parametrize("every", [100_000, 400_000])
def test_a_connection_that_breaks_off_goes_on_where_it_stopped(every, clip):
    data = clip.read_bytes()

    def answer(connection: socket.socket, request: Request) -> None:
        connection.sendall(part(data, request.start, ETag='"one"'))
        connection.sendall(data[request.start : request.start + every])

    with RawServer(answer) as server:
        assert fetch(server) == data
    starts = [request.start for request in server.requests]
    assert starts[:3] == [0, every, 2 * every]
    assert "if-range" not in server.requests[0].headers and server.requests[1].headers["if-range"] == '"one"'


def test_it_breaks_off_while_chunks_of_unknown_number_come(clip):
    data = clip.read_bytes()

    def answer(connection: socket.socket, request: Request) -> None:
        if len(server.requests) > 1:
            connection.sendall(part(data, request.start) + data[request.start :])
        else:
            connection.sendall(head("200 OK", Transfer_Encoding="chunked") + chunked(data[:300_000], 1000))

    with RawServer(answer) as server:
        assert fetch(server) == data
    assert server.requests[1].start == 300_000


def test_a_server_without_ranges_starts_again(clip):
    data = clip.read_bytes()

    def answer(connection: socket.socket, request: Request) -> None:
        is_first = len(server.requests) == 1
        connection.sendall(head("200 OK", Content_Length=len(data)) + (data[:700_000] if is_first else data))

    with RawServer(answer) as server:
        assert fetch(server) == data
    assert len(server.requests) == 2


def test_a_server_may_send_less_than_it_is_asked_for(clip):
    data = clip.read_bytes()

    def answer(connection: socket.socket, request: Request) -> None:
        end = min(request.start + 50_000, len(data))
        content_range = f"bytes {request.start}-{end - 1}/{len(data)}"
        connection.sendall(head("206 OK", Content_Length=end - request.start, Content_Range=content_range))
        connection.sendall(data[request.start : end])

    with RawServer(answer) as server:
        assert fetch(server) == data


@pytest.mark.parametrize("kept", [0, 1000, 300_000])
def test_a_server_that_always_breaks_off_at_the_same_byte(kept, clip):
    data = clip.read_bytes()

    def answer(connection: socket.socket, request: Request) -> None:
        connection.sendall(part(data, request.start) + data[request.start : kept])

    with RawServer(answer) as server, pytest.raises(VideoReadError, match=f"ended after {kept} of {len(data)} bytes"):
        fetch(server)
    assert len(server.requests) == 4


def test_a_server_that_closes_without_an_answer_is_asked_again(clip):
    data = clip.read_bytes()

    def answer(connection: socket.socket, request: Request) -> None:
        if len(server.requests) == 3:
            connection.sendall(part(data, request.start) + data[request.start :])

    with RawServer(answer) as server:
        assert fetch(server) == data


@pytest.mark.parametrize(
    ("later", "cause"),
    [
        ({"ETag": '"two"'}, "changed meanwhile"),
        ({"ETag": '"one"', "size": 1}, "changed from"),
        ({"ETag": '"one"', "shift": 1}, "when it is asked for what starts at byte"),
        ({"ETag": '"one"', "shift": -10}, "when it is asked for what starts at byte"),
    ],
)
def test_a_file_that_changes_meanwhile(later, cause, clip):
    data = clip.read_bytes()

    def answer(connection: socket.socket, request: Request) -> None:
        if request.start == 0:
            connection.sendall(part(data, 0, ETag='"one"') + data[:300_000])
            return
        other = data + bytes(later.get("size", 0))
        start = request.start + later.get("shift", 0)
        connection.sendall(part(other, start, ETag=later["ETag"]) + other[start:])

    with RawServer(answer) as server, pytest.raises(VideoReadError, match=cause):
        fetch(server)


def test_a_file_that_changes_is_sent_whole(clip):
    """The answer to a request with If-Range when the file is another one."""
    data = clip.read_bytes()

    def answer(connection: socket.socket, request: Request) -> None:
        if request.headers.get("if-range") is None:
            connection.sendall(part(data, 0, Last_Modified="Sun, 29 Nov 2026 00:00:00 GMT") + data[:300_000])
        else:
            date = "Sun, 29 Nov 2026 00:01:00 GMT"
            connection.sendall(head("200 OK", Content_Length=len(data), Last_Modified=date) + data[::-1])

    with RawServer(answer) as server, pytest.raises(VideoReadError, match="changed meanwhile"):
        fetch(server)


@pytest.mark.parametrize(
    "answer",
    [
        head("200 OK", Content_Length="abc"),
        head("200 OK", Content_Length="-5"),
        head("200 OK", Content_Length="\xb2\xb2"),
        head("200 OK", Content_Length="9" * 5000),
        head("206 OK", Content_Range="bytes 0-/9"),
        head("206 OK", Content_Range="bytes 0-9/*"),
        head("206 OK", Content_Range="bytes 9-3/20"),
        head("206 OK", Content_Range="bytes 0-20/20"),
        head("206 OK", Content_Range="\xb2"),
        head("206 OK"),
        head("200 OK", Content_Length=5, Content_Encoding="gzip") + b"12345",
        head("200 OK", Content_Length=0),
        head("200 OK", Transfer_Encoding="chunked") + b"0\r\n\r\n",
        head("200 OK", Transfer_Encoding="chunked") + b"-5\r\nabcdefg",
        head("200 OK", Transfer_Encoding="chunked") + b"no number\r\nabcdefg",
        head("302 Found", Location="http://[/"),
        head("302 Found", Location="http://\xe9.example:port/"),
        head("302 Found", Location="http://" + "a" * 70 + ".example/"),
        head("302 Found", Location="http://a..example/"),
        head("302 Found", Location="\xff"),
        head("302 Found", Location="https:///video"),
        head("302 Found"),
        head("204 No Content"),
        b"HTTP/1.1 abc\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 1000 + b"\r\n",
        b"HTTP/1.1 200 OK\r\nname: " + b"a" * 2**17 + b"\r\n\r\n",
        b"220 ftp\r\n",
        b"\x16\x03\x01\x00\xff" * 100,
    ],
    ids=repr,
)
def test_malformed_answers(answer):
    def send(connection: socket.socket, request: Request) -> None:
        connection.sendall(answer)

    with RawServer(send) as server, pytest.raises(VideoReadError) as error:
        VideoReader(server.url("video?token=secret"))
    assert server.url("video") in str(error.value) and "secret" not in str(error.value)
    assert len(str(error.value)) < 700


def every_tenth_of_a_second(connection: socket.socket, data: bytes) -> None:
    while True:
        connection.sendall(data)
        time.sleep(0.1)


def send_for_ever(connection: socket.socket, data: bytes) -> None:
    while True:
        connection.sendall(data)


def silence(connection: socket.socket, request: Request) -> None:
    time.sleep(60)


def slow_continue(connection: socket.socket, request: Request) -> None:
    every_tenth_of_a_second(connection, b"HTTP/1.1 100 Continue\r\n\r\n")


def endless_continue(connection: socket.socket, request: Request) -> None:
    send_for_ever(connection, b"HTTP/1.1 100 Continue\r\n\r\n")


def slow_headers(connection: socket.socket, request: Request) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nname: ")
    every_tenth_of_a_second(connection, b"a")


def slow_trailers(connection: socket.socket, request: Request) -> None:
    connection.sendall(head("200 OK", Transfer_Encoding="chunked") + b"1\r\nx\r\n0\r\n")
    every_tenth_of_a_second(connection, b"name: value\r\n")


def endless_trailers(connection: socket.socket, request: Request) -> None:
    connection.sendall(head("200 OK", Transfer_Encoding="chunked") + b"1\r\nx\r\n0\r\n")
    send_for_ever(connection, b"name: value\r\n" * 1000)


def endless_size_of_a_chunk(connection: socket.socket, request: Request) -> None:
    connection.sendall(head("200 OK", Transfer_Encoding="chunked") + b"1;")
    send_for_ever(connection, b"x" * 1000)


def slow_data(connection: socket.socket, request: Request) -> None:
    connection.sendall(head("200 OK", Content_Length=100_000))
    every_tenth_of_a_second(connection, b"x")


def endless_chunks(connection: socket.socket, request: Request) -> None:
    connection.sendall(head("200 OK", Transfer_Encoding="chunked"))
    send_for_ever(connection, b"3e8\r\n" + b"x" * 1000 + b"\r\n")


def endless_redirects(connection: socket.socket, request: Request) -> None:
    connection.sendall(head("302 Found", Location=f"/{len(request.target)}{request.target}"[:50]))


ENDLESS = [
    silence,
    slow_continue,
    endless_continue,
    slow_headers,
    slow_trailers,
    endless_trailers,
    endless_size_of_a_chunk,
    slow_data,
    endless_chunks,
    endless_redirects,
]


@pytest.mark.parametrize("answer", ENDLESS, ids=lambda answer: answer.__name__)
@pytest.mark.parametrize("limit", ["url_timeout_seconds", "url_total_seconds"])
def test_no_server_can_hold_the_reader(answer, limit):
    with RawServer(answer) as server, pytest.raises(VideoReadError, match=server.url()):
        VideoReader(server.url(), **{limit: 0.5, "url_max_bytes": 10_000_000})


def test_waiting_adds_up_to_the_total_limit(clip):
    """Each piece comes in time, but all together do not."""
    data = clip.read_bytes()

    def answer(connection: socket.socket, request: Request) -> None:
        connection.sendall(part(data, request.start))
        for start in range(request.start, len(data), PIECE_BYTES):
            time.sleep(0.2)
            connection.sendall(data[start : start + PIECE_BYTES])

    with RawServer(answer) as server:
        assert fetch(server) == data
        with pytest.raises(VideoReadError, match="url_total_seconds"):
            fetch(server, url_total_seconds=0.3)


def test_time_of_the_caller_does_not_count(clip):
    data = clip.read_bytes()

    def answer(connection: socket.socket, request: Request) -> None:
        connection.sendall(part(data, request.start) + data[request.start :])

    with RawServer(answer) as server, VideoReader(server.url(), url_total_seconds=1) as reader:
        time.sleep(1.1)
        assert reader._source.open().read() == data


@pytest.mark.parametrize("option", ["url_timeout_seconds", "url_total_seconds", "url_max_bytes"])
@pytest.mark.parametrize("value", [0, -1, float("nan")])
def test_limits_must_be_positive(option, value):
    with pytest.raises(ValueError, match=f"{option} must be positive"):
        VideoReader("http://127.0.0.1:9/video", **{option: value})
