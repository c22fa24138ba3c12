"""
Takes the pictures of the web page in docs/app.md, and measures how long visitors wait for answers.

    python docs/figures/app.py [--python .venv-app/bin/python] [--output docs/figures]

It needs Chromium, Playwright, and an environment with Gradio, which `make test-slow` makes.
"""

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any


ROOT = Path(__file__).resolve().parent.parent.parent
EXAMPLE = "Example: three scenes"
QUESTIONS = ("How many scenes are there?", "What is in the last scene?")
ROUNDS = 5
WIDTHS = {"app.png": 1280, "app_narrow.png": 400}
SHOWN_SCENE = 17


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python", default=ROOT / ".venv-app/bin/python", type=Path, help="Python that has Gradio")
    parser.add_argument("--output", default=Path(__file__).parent, type=Path, help="folder for the pictures")
    options = parser.parse_args()
    sys.path.insert(0, str(ROOT))
    from tests.fila_video.serving.web_page import MINI, running_page  # heavy, and not needed for --help

    command = ("-m", "fila_video.serving.app", MINI, "--port", "PORT", "--dtype", "float32", "--device", "cpu")
    with tempfile.TemporaryDirectory() as folder, running_page(options.python, Path(folder) / "log", *command) as url:
        _look(url, options.output)


def _look(url: str, output: Path) -> None:
    from playwright.sync_api import sync_playwright

    from tests.conftest import chromium
    from tests.fila_video.serving.web_page import Visitor

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
        for name, width in WIDTHS.items():
            visitor = Visitor(browser, url, width)
            _ask(visitor)
            visitor.scenes.nth(SHOWN_SCENE).click()
            visitor.page.evaluate("window.scrollTo(0, 0)")
            visitor.page.wait_for_timeout(1000)
            visitor.page.screenshot(path=output / name, full_page=True)
            visitor.context.close()
        visitor = Visitor(browser, url)
        rounds = [_ask(visitor) for _ in range(ROUNDS)]
    for question, seconds in zip(("first", "second"), zip(*rounds, strict=True), strict=True):
        print(f"{question} question: {statistics.median(seconds):.1f} s (median of {ROUNDS})")


def _ask(visitor: Any) -> list[float]:
    """Asks both questions about the example, and returns the seconds until each answer was complete."""
    visitor.page.get_by_role("button", name=EXAMPLE).click()
    visitor.wait_until_accepted()
    seconds = []
    for question in QUESTIONS:
        start = time.perf_counter()
        visitor.ask(question)
        seconds.append(time.perf_counter() - start)
        visitor.scenes.first.wait_for()
        visitor.page.wait_for_timeout(1000)
    return seconds


if __name__ == "__main__":
    main()
