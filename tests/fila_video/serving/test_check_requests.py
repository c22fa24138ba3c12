"""What the server refuses before transformers sees it."""

import asyncio
import json
from collections.abc import Iterator

import pytest

import processing_fila.reader_http
from fila_video.serving.check_requests import CheckRequests, find_fault
from tests.raw_server import RawServer, head


def chat(**part) -> bytes:
    return json.dumps({"messages": [{"role": "user", "content": [part]}]}).encode()


def video(url) -> bytes:
    return chat(type="video_url", video_url={"url": url})


@pytest.mark.parametrize(
    "body",
    [
        video("https://example.org/clip.mp4"),
        video("HTTP://example.org/clip.mp4"),
        video("data:video/mp4;base64,AAAA"),
        chat(type="text", text="file:///etc/passwd"),
        b"no JSON",
        b"[]",
        json.dumps({"chat_template_kwargs": {"num_frames": 8}}).encode(),
        json.dumps({"chat_template_kwargs": {"subtitles": "data:text/vtt;base64,AAAA"}}).encode(),
        json.dumps({"chat_template_kwargs": {"subtitles": True, "subtitle_lines": "frames"}}).encode(),
        json.dumps({"chat_template_kwargs": {"subtitles": ["https://example.org/a.srt", False]}}).encode(),
    ],
)
def test_what_passes(body):
    assert find_fault(body) is None


@pytest.mark.parametrize(
    "url", ["/etc/passwd", "clip.mp4", "file:///etc/passwd", "C:\\clip.mp4", "ftp://example.org/a", "", None, 7, ["a"]]
)
def test_files_of_the_server_are_refused(url):
    assert find_fault(video(url)) == "Videos, images and subtitles must be http, https or data URLs."
    assert find_fault(chat(type="image_url", image_url={"url": url})) is not None
    assert find_fault(chat(type="video_url", video_url="https://example.org/a.mp4", subtitles=url)) is not None
    for subtitles in (url, [url], ["data:,a", url], {"url": url}, {"url": "data:,a"}):
        assert find_fault(json.dumps({"chat_template_kwargs": {"subtitles": subtitles}}).encode()) is not None
    # The form of the Responses API.
    assert find_fault(json.dumps({"input": [{"content": [{"type": "input_image", "image_url": url}]}]}).encode())


@pytest.mark.parametrize("url", ["http://[", "HTTP:", "//[", "\udc80"])
def test_a_malformed_url_is_no_crash(url):
    assert find_fault(video(url)) is None or "must be http" in find_fault(video(url))


FIELDS = ("chat_template_kwargs", "mm_processor_kwargs")


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize("arguments", [["a"], "sanitize_control_tokens", 7])
def test_arguments_of_the_processor_must_be_an_object(arguments, field):
    assert find_fault(json.dumps({field: arguments}).encode()) == f"{field} must be an object."


@pytest.mark.parametrize(
    "name", ["sanitize_control_tokens", "chat_template", "url_policy", "max_pixels", "processor_kwargs"]
)
@pytest.mark.parametrize("field", FIELDS)
def test_protections_cannot_be_switched_off(name, field):
    assert name in find_fault(json.dumps({field: {name: False}}).encode())
    assert find_fault(json.dumps({field: {"subtitles": "/etc/passwd"}}).encode()) is not None


def post(body: bytes, *, pieces: int = 1, **options) -> tuple[list[dict], list[bytes]]:
    """What is sent back, and the bodies that reach the application behind."""
    reached, sent = [], []
    parts = [body[place::pieces] for place in range(pieces)] if pieces > 1 else [body]
    messages = [
        {"type": "http.request", "body": part, "more_body": place < len(parts) - 1} for place, part in enumerate(parts)
    ]

    async def application(scope, receive, send):
        reached.append((await receive())["body"])
        await send({"type": "http.response.start", "status": 200, "headers": []})

    async def receive():
        return messages.pop(0)

    async def send(message):
        sent.append(message)

    scope = {"type": "http", "method": "POST"}
    asyncio.run(CheckRequests(application, **options)(scope, receive, send))
    return sent, reached


def test_a_good_request_reaches_the_application_whole():
    body = video("https://example.org/clip.mp4")
    sent, reached = post(body)
    assert sent[0]["status"] == 200 and reached == [body]


def test_a_bad_request_does_not_reach_it():
    sent, reached = post(video("/etc/passwd"))
    assert sent[0]["status"] == 400 and reached == []
    assert "http, https or data" in json.loads(sent[1]["body"])["error"]["message"]


@pytest.fixture
def pictures() -> Iterator[RawServer]:
    """A server of pictures; of /to/..., it redirects to the URL that follows."""

    def answer(connection, request) -> None:
        target = request.target.partition("/to/")
        if target[1]:
            connection.sendall(head("302 Found", Location=target[2]))
        else:
            connection.sendall(head("200 OK", Content_Length=4) + b"abcd")

    with RawServer(answer) as server:
        yield server


IMAGE_FORMS = {
    "chat completions": lambda url: chat(type="image_url", image_url={"url": url, "detail": "low"}),
    "short": lambda url: chat(type="image_url", image_url=url),
    "responses": lambda url: json.dumps({"input": [{"content": [{"type": "input_image", "image_url": url}]}]}).encode(),
}


@pytest.mark.parametrize("form", IMAGE_FORMS)
def test_images_are_fetched_before_the_application_sees_them(form, pictures):
    sent, reached = post(IMAGE_FORMS[form](pictures.url("a.png")), url_policy="unrestricted")
    assert json.loads(reached[0]) == json.loads(IMAGE_FORMS[form]("data:image/unknown;base64,YWJjZA=="))


@pytest.mark.parametrize("form", IMAGE_FORMS)
@pytest.mark.parametrize("scheme", ["http", "HTTP"])
def test_images_at_private_addresses_are_refused(form, scheme, pictures):
    sent, reached = post(IMAGE_FORMS[form](pictures.url("a.png").replace("http", scheme)))
    assert sent[0]["status"] == 400 and reached == [] and not pictures.requests
    assert "not public" in json.loads(sent[1]["body"])["error"]["message"]


def test_a_redirect_of_an_image_to_a_private_address(pictures, monkeypatch):
    monkeypatch.setattr(processing_fila.reader_http, "is_public_address", lambda address: address == "127.0.0.2")
    url = pictures.url("to/" + pictures.url(), host="127.0.0.2")
    sent, reached = post(chat(type="image_url", image_url={"url": url}))
    assert sent[0]["status"] == 400 and reached == [] and len(pictures.requests) == 1


def test_an_image_that_is_not_there():
    sent, reached = post(chat(type="image_url", image_url={"url": "http://127.0.0.1:9/a"}), url_policy="unrestricted")
    assert sent[0]["status"] == 400 and reached == []


def test_too_many_images(pictures):
    parts = [{"type": "image_url", "image_url": {"url": pictures.url()}}] * 17
    sent, reached = post(json.dumps({"messages": [{"role": "user", "content": parts}]}).encode())
    assert sent[0]["status"] == 400 and reached == [] and not pictures.requests


def test_a_body_that_is_too_large_is_refused_while_it_comes():
    sent, reached = post(b"x" * 100, pieces=10, max_body_bytes=50)
    assert sent[0]["status"] == 413 and reached == []
