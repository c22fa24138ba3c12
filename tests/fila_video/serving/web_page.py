"""Starts the web page for tests, and uses it as a visitor would."""

import os
import socket
import subprocess
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any

from tests.environment import REPOSITORY


MINI = REPOSITORY / "checkpoints" / "fila-video-mini"
EXAMPLE = REPOSITORY / "fila_video" / "serving" / "web" / "example_long.mp4"
START_SECONDS = 240


@contextmanager
def running_page(
    python: Path,
    log: Path,
    *command: str | Path,
    cwd: Path = REPOSITORY,
    variables: Mapping[str, str] = MappingProxyType({}),
) -> Iterator[str]:
    """
    Starts the page and yields its URL.

    Args:
        python: Interpreter that has Gradio.
        log: File for what the server prints.
        command: What the interpreter runs, without the port.
        cwd: Working directory of the server.
        variables: More environment variables.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "GRADIO_SERVER_PORT": str(port), "OMP_NUM_THREADS": "1"}
    environment["PYTHONPATH"] = str(REPOSITORY)
    if cwd != REPOSITORY:  # nothing of this project can be imported there
        environment = {**environment, "PYTHONPATH": "", "HF_HOME": str(cwd / "huggingface")}
    environment |= variables
    with log.open("w") as file:
        process = subprocess.Popen(
            [str(word).replace("PORT", str(port)) for word in (python, *command)],
            stdout=file,
            stderr=file,
            cwd=cwd,
            env=environment,
        )
    try:
        for _ in range(START_SECONDS):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=60).close()
                break
            except OSError:
                try:
                    process.wait(1)
                    raise AssertionError(log.read_text()[-3000:])
                except subprocess.TimeoutExpired:
                    continue
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(30)


class Visitor:
    """A visitor in a browser of their own, on the page.

    Args:
        browser: Playwright's browser.
        url: Address of the page.
        width: Width of the window in pixels.

    Attributes:
        requests: Every address that the page has asked for.
    """

    def __init__(self, browser: Any, url: str, width: int = 1280):
        self.context = browser.new_context(viewport={"width": width, "height": 900}, permissions=["camera"])
        self.page = self.context.new_page()
        self.page.set_default_timeout(60_000)
        self.requests: list[str] = []
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.goto(url)
        self.page.get_by_label("Capture from camera").wait_for()

    def upload(self, path: Path) -> None:
        """Chooses a file, and waits until it has been accepted."""
        self.page.set_input_files("#player input[type=file]", path)
        self.wait_until_accepted()

    def wait_until_accepted(self) -> None:
        """Waits until the player shows a new video, and the page says how long it is."""
        self.page.locator("#player video[src]").wait_for()
        self.page.get_by_text("The video lasts").wait_for()

    def ask(self, question: str) -> str:
        """Asks, waits until the answer is complete, and returns it."""
        num_answers = self.answers.count()
        self.page.get_by_placeholder("Ask about the video").fill(question)
        self.page.keyboard.press("Enter")
        self.page.locator("#message [role=alert]").or_(self.answers.nth(num_answers)).first.wait_for()
        message = self.message
        assert not message, message
        self.page.wait_for_timeout(300)  # for the button that stops the answer, and goes when that is complete
        self.page.get_by_role("button", name="Stop").wait_for(state="hidden")
        return self.answers.last.inner_text()

    @property
    def answers(self) -> Any:
        return self.page.locator("#chat [data-testid=bot]")

    @property
    def message(self) -> str:
        message = self.page.locator("#message [role=alert]")
        return message.inner_text() if message.count() else ""

    def wait_for_message(self) -> str:
        self.page.locator("#message [role=alert]").wait_for()
        return self.message

    @property
    def scenes(self) -> Any:
        return self.page.locator("#scenes button")

    @property
    def player_seconds(self) -> float:
        return self.page.evaluate("document.querySelector('#player video').currentTime")
