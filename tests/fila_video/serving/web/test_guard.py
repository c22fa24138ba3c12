"""Which requests reach Gradio. An application that answers every request stands in its place."""

import asyncio
import json
import os
import time

import pytest

from fila_video.serving.web.guard import Guard
from fila_video.serving.web.visitors import MAX_CLAIMS, Claims


UPLOADED = "/uploads/0123/clip.mp4"
PUBLIC = "/uploads/examples/a.mp4"


class Gradio:
    """Remembers the requests that reach it. Its answer to an upload is the list of `uploaded` paths."""

    def __init__(self):
        self.uploaded = [UPLOADED]
        self.requests = []

    async def __call__(self, scope, receive, send):
        body = (await receive())["body"]
        self.requests.append((scope["method"], scope["path"], body))
        answer = json.dumps(self.uploaded).encode() if scope["path"].endswith("/upload") else b"ok"
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for part in (answer[:5], answer[5:]):
            await send({"type": "http.response.body", "body": part, "more_body": part == answer[:5]})


class Client:
    """A browser that talks to a guard."""

    def __init__(self, guard):
        self.guard = guard
        self.cookie = ""

    def request(self, method, path, body=b"", query="", headers=(), states_length=True):
        sent = []

        async def receive():
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message):
            sent.append(message)

        given = [(b"cookie", self.cookie.encode()), *headers]
        if states_length:
            given.append((b"content-length", str(len(body)).encode()))
        scope = {"type": "http", "method": method, "path": path, "query_string": query.encode(), "headers": given}
        asyncio.run(self.guard(scope, receive, send))
        for name, value in sent[0]["headers"]:
            if name == b"set-cookie":
                self.cookie, self.attributes = value.decode().split(";", 1)
        return sent[0]["status"]

    def upload(self, body=b"12345"):
        return self.request("POST", "/gradio_api/upload", body)

    def get_file(self, path):
        return self.request("GET", f"/gradio_api/file={path}")

    def join(self, data, session="mine"):
        body = json.dumps({"data": data, "session_hash": session, "fn_index": 0}).encode()
        return self.request("POST", "/gradio_api/queue/join", body)


@pytest.fixture
def gradio():
    return Gradio()


@pytest.fixture
def guard(gradio, tmp_path):
    limits = {"max_upload_bytes": 2**20, "max_stored_bytes": 2 * 2**20, "keep_seconds": 3600}
    return Guard(gradio, upload_folder=tmp_path, public_files=[PUBLIC, tmp_path / "example.mp4"], **limits)


def visitor(guard):
    client = Client(guard)
    assert client.request("GET", "/") == 200 and client.cookie
    return client


def test_a_browser_gets_its_own_cookie_once(guard):
    first, second = visitor(guard), visitor(guard)
    assert first.cookie != second.cookie
    assert "HttpOnly" in first.attributes and "SameSite=Lax" in first.attributes
    cookie = first.cookie
    first.request("GET", "/")
    assert first.cookie == cookie


def test_behind_https_the_cookie_also_works_inside_a_page_of_another_site(guard):
    client = Client(guard)
    client.request("GET", "/", headers=[(b"x-forwarded-proto", b"https")])
    assert "SameSite=None" in client.attributes and "Secure" in client.attributes


def test_only_the_browser_that_uploaded_a_file_reaches_it(guard):
    mine, other = visitor(guard), visitor(guard)
    file = [{"path": UPLOADED, "meta": {"_type": "gradio.FileData"}}]
    assert mine.get_file(UPLOADED) == 403 and mine.join(file) == 403
    assert mine.upload() == 200
    assert mine.get_file(UPLOADED) == 200 and mine.join(file) == 200
    assert other.get_file(UPLOADED) == 403 and other.join(file, session="other") == 403
    other.upload()  # of the same file: Gradio gives both the same path
    assert mine.get_file(UPLOADED) == other.get_file(UPLOADED) == 200


@pytest.mark.parametrize(
    "path",
    [
        "/etc/passwd",
        "/uploads/0123/../0123/clip.mp4",
        "/uploads/0123/clip.mp4/",
        "file:///uploads/0123/clip.mp4",
        "http://127.0.0.1:80/",
        "https://example.org/clip.mp4",
        "",
        None,
        7,
        [UPLOADED],
    ],
)
def test_nothing_but_the_exact_path_of_an_upload_passes(guard, gradio, path):
    mine = visitor(guard)
    mine.upload()
    gradio.requests.clear()
    assert mine.get_file(path) == 403
    for data in ([{"path": path}], ["text", {"a": [{"path": path, "url": UPLOADED}]}]):
        assert mine.join(data) == 403
    assert gradio.requests == []


def test_the_examples_are_everyones(guard):
    assert visitor(guard).get_file(PUBLIC) == 200


def test_a_session_belongs_to_the_browser_that_names_it_first(guard):
    mine, other = visitor(guard), visitor(guard)
    assert mine.join([1], session="mine") == 200
    assert other.join([1], session="mine") == 403
    for path, query in (("/gradio_api/heartbeat/mine", ""), ("/gradio_api/queue/data", "session_hash=mine")):
        assert mine.request("GET", path, query=query) == 200
        assert other.request("GET", path, query=query) == 403
    assert other.request("GET", "/gradio_api/queue/data", query="session_hash=other&session_hash=mine") == 403


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/gradio_api/run/predict"),
        ("POST", "/gradio_api/call/ask"),
        ("POST", "/gradio_api/api/ask"),
        ("POST", "/gradio_api/component_server"),
        ("POST", "/gradio_api/process_recording"),
        ("POST", "/gradio_api/vibe-edit/"),
        ("GET", "/gradio_api/proxy=http://127.0.0.1/"),
        ("GET", "/gradio_api/file/etc/passwd"),
        ("GET", "/gradio_api/stream/a/b/c/playlist.m3u8"),
        ("GET", "/gradio_api/custom_component/1/client/component/index.js"),
        ("GET", "/monitoring"),
        ("GET", "/docs"),
        ("PUT", "/"),
        ("DELETE", "/gradio_api/upload"),
    ],
)
def test_what_the_page_does_not_use_is_not_there(guard, gradio, method, path):
    mine = visitor(guard)
    gradio.requests.clear()
    assert mine.request(method, path) == 404
    assert gradio.requests == []


def test_without_a_cookie_nothing_is_uploaded_and_nothing_asked(guard, gradio):
    client = Client(guard)
    assert [client.upload(), client.join([]), client.get_file(PUBLIC)] == [403, 403, 403]
    assert gradio.requests == []


def test_a_large_upload_is_refused_before_it_is_read(guard, gradio, tmp_path):
    mine = visitor(guard)
    gradio.requests.clear()
    assert mine.upload(bytes(2**20 + 2**15)) == 413
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "stored").write_bytes(bytes(2 * 2**20 - 100))
    assert mine.upload(bytes(100)) == 200
    assert mine.upload(bytes(101)) == 507
    assert mine.request("POST", "/gradio_api/upload", states_length=False) == 411
    assert len(gradio.requests) == 1


def test_old_files_make_room_for_new_ones(guard, tmp_path):
    mine = visitor(guard)
    for name, age_seconds in (("example.mp4", 7200), ("broken_off", 3700), ("new", 3500)):
        (tmp_path / name).write_bytes(bytes(2**20))
        os.utime(tmp_path / name, (time.time() - age_seconds,) * 2)
    assert mine.upload(bytes(2**20)) == 200
    assert sorted(path.name for path in tmp_path.iterdir()) == ["example.mp4", "new"]


@pytest.mark.parametrize("body", [b"", b"[1]", b"null", b"{", b'{"data": []}', b'{"session_hash": 7}'])
def test_a_request_that_is_no_object_of_a_session_is_refused(guard, body):
    assert visitor(guard).request("POST", "/gradio_api/queue/join", body) in (400, 403)


def test_a_request_that_is_too_large_or_too_deep_is_refused(guard):
    mine = visitor(guard)
    assert mine.join(["a" * 2**20]) == 413
    assert mine.request("POST", "/gradio_api/queue/join", b"[" * 200_000) == 400


def test_the_oldest_claims_are_forgotten_and_nobodys():
    claims = Claims()
    for number in range(MAX_CLAIMS + 1):
        claims.add(str(number), "mine")
    assert not claims.is_owned("0", "mine") and claims.is_owned("1", "mine")
