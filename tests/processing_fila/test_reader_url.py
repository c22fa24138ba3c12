"""Videos at http URLs, from a server of the test that can also misbehave."""

import threading
import time
import warnings
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from processing_fila.reader import VideoReader, VideoReadError, read_video
from tests.clips import draw_clip


class Server(ThreadingHTTPServer):
    """Serves one file at /video, and gives bad answers at other paths."""

    daemon_threads = True

    def __init__(self, data: bytes):
        super().__init__(("127.0.0.1", 0), Handler)
        self.data = data
        self.num_bytes_sent = 0
        self.num_answers = 0

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.server_port}/{path}"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        getattr(self, "answer_" + self.path.lstrip("/"), self.answer_missing)()

    def answer_video(self) -> None:
        start = int(self.headers["Range"].removeprefix("bytes=").removesuffix("-"))
        total = len(self.server.data)
        content_range = {"Content-Range": f"bytes {start}-{total - 1}/{total}"}
        self.answer(206, self.server.data[start:], content_range)

    def answer_whole(self) -> None:
        self.answer(200, self.server.data)

    def answer_moved(self) -> None:
        self.answer(302, b"", {"Location": "/video"})

    def answer_to_disk(self) -> None:
        self.answer(302, b"", {"Location": "file:///etc/hostname"})

    def answer_to_ftp(self) -> None:
        self.answer(302, b"", {"Location": "ftp://127.0.0.1/video"})

    def answer_short(self) -> None:
        self.answer(200, self.server.data[:1000], {"Content-Length": str(len(self.server.data))})

    def answer_endless(self) -> None:
        self.answer(200, b"", {"Content-Length": str(10**12)})

    def answer_sizeless(self) -> None:
        self.send_response(200)
        self.end_headers()

    def answer_silent(self) -> None:
        time.sleep(3)

    def answer_slow(self) -> None:
        self.answer(200, b"", {"Content-Length": "100000"})
        for _ in range(30):
            self.wfile.write(b"x")
            time.sleep(0.1)

    def answer_missing(self) -> None:
        self.answer(404, b"")

    def answer(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.server.num_answers += 1
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        for start in range(0, len(body), 2**16):
            self.server.num_bytes_sent += len(body[start : start + 2**16])
            self.wfile.write(body[start : start + 2**16])

    def log_message(self, *_) -> None:
        pass

    def handle(self) -> None:
        try:
            super().handle()
        except ConnectionError:  # the reader has what it needs
            pass


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw_clip(tmp_path_factory.mktemp("clips") / "clip.mp4", size=(240, 320), codec_options={"crf": "8"})


@pytest.fixture
def server(clip) -> Iterator[Server]:
    with Server(clip.read_bytes()) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("path", ["video", "whole", "moved"])
def test_a_url_gives_the_frames_of_the_file(path, server, clip):
    video = read_video(server.url(path), num_frames=9)
    expected = read_video(clip, num_frames=9)
    np.testing.assert_array_equal(video.frames, expected.frames)
    np.testing.assert_array_equal(video.seconds, expected.seconds)


def test_every_piece_is_fetched_once(server):
    with VideoReader(server.url("whole")) as reader:
        for _ in range(3):
            assert len(list(reader.frames_at(range(80)))) == 80
    assert server.num_bytes_sent <= len(server.data)


CONTAINERS: dict[str, dict] = {
    "table.mp4": {"container_options": {"movflags": "faststart"}},
    "fragments.mp4": {"container_options": {"movflags": "frag_keyframe+empty_moov"}},
    "clip.mkv": {},
    "clip.avi": {"codec": "mjpeg", "pix_fmt": "yuvj420p"},
    "clip.ts": {},
    "clip.flv": {},
    "clip.gif": {"codec": "gif", "pix_fmt": "rgb8"},
}


def read_from_server(data: bytes) -> tuple[int, list[str]]:
    """Reads a few frames from a server. Returns the number of its answers, and the warnings."""
    with Server(data) as server, warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        with VideoReader(server.url("video"), num_decoders=1) as reader:
            list(reader.frames_at([0, 3, 5]))
        server.shutdown()
        thread.join()
        return server.num_answers, [str(warning.message) for warning in caught]


@pytest.mark.parametrize("part", [0.6, 1])
@pytest.mark.parametrize("name", CONTAINERS)
def test_a_cut_file_is_noticed_without_asking_for_more(name, part, tmp_path, monkeypatch):
    data = draw_clip(tmp_path / name, size=(128, 192), gop_size=10, **CONTAINERS[name]).read_bytes()
    if part < 1:
        data = data[: round(len(data) * part) // 188 * 188 + 50]
    monkeypatch.setattr("processing_fila.reader_url.PIECE_BYTES", 1024)
    num_answers, messages = read_from_server(data)
    assert any("/video is cut off: " in message for message in messages) == (part < 1)
    monkeypatch.setattr("processing_fila.reader.keep_whole_pictures", lambda source: None)
    monkeypatch.setattr("processing_fila.reader.describe_cut", lambda source, index: None)
    assert num_answers <= read_from_server(data)[0]


@pytest.mark.parametrize(
    ("path", "cause"),
    [
        ("missing", "404"),
        ("short", "ended after"),
        ("endless", "more than the limit of 2147483648"),
        ("sizeless", "does not say how large"),
    ],
)
def test_bad_answers(path, cause, server):
    with pytest.raises(VideoReadError, match=cause) as error:
        VideoReader(server.url(path))
    assert server.url(path) in str(error.value)


@pytest.mark.parametrize("path", ["silent", "slow"])
def test_timeout(path, server):
    with pytest.raises(VideoReadError, match="timed out|within 0.5 seconds"):
        VideoReader(server.url(path), url_timeout_seconds=0.5)


def test_byte_limit(server):
    with pytest.raises(VideoReadError, match="more than the limit of 10000"):
        VideoReader(server.url("video"), url_max_bytes=10_000)


def test_no_server():
    with pytest.raises(VideoReadError, match="http://127.0.0.1:9/video"):
        VideoReader("http://127.0.0.1:9/video")


@pytest.mark.parametrize("url", ["file:///etc/hostname", "ftp://host/clip.mp4", "rtsp://host/live"])
def test_other_schemes_are_refused(url):
    with pytest.raises(ValueError, match="must be http or https"):
        VideoReader(url)


@pytest.mark.parametrize("path", ["to_disk", "to_ftp"])
def test_a_redirect_to_another_scheme_is_refused(path, server):
    with pytest.raises(VideoReadError, match="not allowed|neither http nor https"):
        VideoReader(server.url(path))
