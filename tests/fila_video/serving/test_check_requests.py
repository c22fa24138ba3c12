"""What the server refuses before transformers sees it."""

import asyncio
import json

import pytest

from fila_video.serving.check_requests import CheckRequests, find_fault


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
    ],
)
def test_what_passes(body):
    assert find_fault(body) is None


@pytest.mark.parametrize(
    "url", ["/etc/passwd", "clip.mp4", "file:///etc/passwd", "C:\\clip.mp4", "ftp://example.org/a", "", None, 7, ["a"]]
)
def test_files_of_the_server_are_refused(url):
    assert find_fault(video(url)) == "Videos and images must be http, https or data URLs."
    assert find_fault(chat(type="image_url", image_url={"url": url})) is not None
    # The form of the Responses API.
    assert find_fault(json.dumps({"input": [{"content": [{"type": "input_image", "image_url": url}]}]}).encode())


@pytest.mark.parametrize("name", ["sanitize_control_tokens", "chat_template"])
def test_protections_cannot_be_switched_off(name):
    assert name in find_fault(json.dumps({"chat_template_kwargs": {name: False}}).encode())


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


def test_a_body_that_is_too_large_is_refused_while_it_comes():
    sent, reached = post(b"x" * 100, pieces=10, max_body_bytes=50)
    assert sent[0]["status"] == 413 and reached == []
