"""Fixtures that all tests share, and every reason to skip a test.

With FILA_NO_SKIPS=1 (as in .ci/run) a test that lacks a program fails. Only a GPU, real clips and the server of
Inference Endpoints, which is not on PyPI, may be missing there.
Real clips are not part of the repository: FILA_TEST_VIDEOS names their folder, ../shared/videos is the default.
"""

import os
import shutil
from collections.abc import Callable
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import hypothesis
import pytest
import torch
from huggingface_hub.utils import are_progress_bars_disabled, disable_progress_bars, enable_progress_bars
from transformers.utils import logging

from tests import environment as environments
from tests.environment import (
    APP_VARIABLE,
    LMMS_VARIABLE,
    ONNX_VARIABLE,
    PYTHON_VARIABLES,
    REPOSITORY,
    TOOLKIT_VARIABLE,
    VLLM_VARIABLE,
    python_of,
)


NO_SKIPS = os.environ.get("FILA_NO_SKIPS", "") not in ("", "0")
REAL_VIDEOS = Path(os.environ.get("FILA_TEST_VIDEOS") or REPOSITORY.parent / "shared" / "videos")

CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome")

# The marker that a fixture implies, so that no test can forget it.
MARKER_OF_FIXTURE = {
    "browser_page": "browser",
    "app_python": "app",
    "browser": "browser",
    "toolkit_python": "toolkit",
    "real_video": "real_videos",
    "real_videos_dir": "real_videos",
    "run_python": "other_environment",
}


def pytest_configure(config: pytest.Config) -> None:
    # The models of the tests are tiny: on a busy machine threads only wait for each other.
    torch.set_num_threads(1)
    # On a busy machine an example may be slow; in CI the same examples are tried on every run.
    hypothesis.settings.register_profile("fila", deadline=None, derandomize=bool(os.environ.get("CI")))
    hypothesis.settings.load_profile("fila")


@pytest.hookimpl(tryfirst=True)  # before `-m` chooses
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        for fixture in MARKER_OF_FIXTURE.keys() & getattr(item, "fixturenames", ()):
            item.add_marker(MARKER_OF_FIXTURE[fixture])


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("ffmpeg") and shutil.which("ffmpeg") is None:
        _skip_or_fail("needs the ffmpeg program")
    if item.get_closest_marker("other_environment"):
        missing = [name for environment, name in PYTHON_VARIABLES.items() if python_of(environment) is None]
        if missing:
            _skip_or_fail(f"needs the environments that `make test` makes ({', '.join(missing)} not set)")
    if item.get_closest_marker("vllm") and not os.environ.get(VLLM_VARIABLE):
        _skip_or_fail(f"needs the environment that `make test-vllm` makes ({VLLM_VARIABLE} not set)")
    if item.get_closest_marker("lmms") and not os.environ.get(LMMS_VARIABLE):
        _skip_or_fail(f"needs the environment that `make test-lmms` makes ({LMMS_VARIABLE} not set)")
    if item.get_closest_marker("onnx") and not os.environ.get(ONNX_VARIABLE):
        _skip_or_fail(f"needs the environment that `make test-slow` makes ({ONNX_VARIABLE} not set)")
    if item.get_closest_marker("app") and not os.environ.get(APP_VARIABLE):
        _skip_or_fail(f"needs the environment that `make test-slow` makes ({APP_VARIABLE} not set)")
    if item.get_closest_marker("toolkit") and not os.environ.get(TOOLKIT_VARIABLE):
        pytest.skip(f"needs the environment that `make test-toolkit` makes ({TOOLKIT_VARIABLE} not set)")
    if item.get_closest_marker("browser"):
        if find_spec("playwright") is None:
            _skip_or_fail("needs the Python package playwright")
        if chromium() is None:
            _skip_or_fail(f"needs a browser: none of the programs {', '.join(CHROMIUM_NAMES)} is installed")
    if item.get_closest_marker("gpu") and not torch.cuda.is_available():
        pytest.skip("needs a GPU")
    if item.get_closest_marker("no_gpu") and torch.cuda.is_available():
        pytest.skip("needs a machine without a GPU")
    if item.get_closest_marker("assistant_masks") and _installed_transformers() < (5, 18):
        pytest.skip("needs transformers 5.18: older ones mark nothing after a video")
    if item.get_closest_marker("chunked_prefill") and _installed_transformers() < (5, 24):
        pytest.skip("transformers 5.17 leaves the videos out of the chunks of a prompt; 5.24 does not")
    if item.get_closest_marker("sanitizing") and _installed_transformers() < (5, 24):
        pytest.skip("transformers 5.17 cannot take control tokens in messages for plain text; 5.24 can")
    if item.get_closest_marker("torch_distributed") and not torch.distributed.is_available():
        pytest.skip("needs a PyTorch with torch.distributed")
    if item.get_closest_marker("real_videos") and not REAL_VIDEOS.is_dir():
        pytest.skip(f"needs real clips: no folder {REAL_VIDEOS}, and FILA_TEST_VIDEOS names no other")
    if item.get_closest_marker("proc") and not Path("/proc/self/statm").exists():
        pytest.skip("needs /proc, which only Linux has")
    if item.get_closest_marker("draws_ten_bits") and version("av").startswith("17."):
        pytest.skip("PyAV 17 cannot draw a 10-bit clip")


def _installed_transformers() -> tuple[int, ...]:
    return tuple(map(int, version("transformers").split(".")[:2]))


def chromium() -> str | None:
    """The path of a browser, or None."""
    return next(filter(None, map(shutil.which, CHROMIUM_NAMES)), None)


def _skip_or_fail(reason: str) -> None:
    if NO_SKIPS:
        pytest.fail(f"{reason}, and FILA_NO_SKIPS forbids skipping", pytrace=False)
    pytest.skip(reason)


@pytest.fixture(autouse=True)
def library_messages():
    """Puts back what a command line changes for its process: it hides messages and progress bars of libraries."""
    verbosity, has_bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    has_no_download_bars = are_progress_bars_disabled()
    yield
    logging.set_verbosity(verbosity)
    (logging.enable_progress_bar if has_bars else logging.disable_progress_bar)()
    (disable_progress_bars if has_no_download_bars else enable_progress_bars)()


@pytest.fixture(scope="session")
def vllm_python() -> Path:
    """The Python of the environment that has vLLM."""
    return Path(os.environ[VLLM_VARIABLE])


@pytest.fixture(scope="session")
def lmms_python() -> Path:
    """The Python of the environment that has lmms-eval."""
    return Path(os.environ[LMMS_VARIABLE])


@pytest.fixture(scope="session")
def onnx_python() -> Path:
    """The Python of the environment that has ONNX Runtime and no PyTorch."""
    return Path(os.environ[ONNX_VARIABLE])


@pytest.fixture(scope="session")
def app_python() -> Path:
    """The Python of the environment that has Gradio."""
    return Path(os.environ[APP_VARIABLE])


@pytest.fixture(scope="session")
def toolkit_python() -> Path:
    """The Python of the environment that has huggingface-inference-toolkit."""
    return Path(os.environ[TOOLKIT_VARIABLE])


@pytest.fixture(scope="module")
def browser():
    """A headless Chromium with a camera that shows a test picture."""
    from playwright.sync_api import sync_playwright

    camera = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox", *camera])
        yield browser
        browser.close()


@pytest.fixture
def browser_page(browser):
    """A page without a network. The test fails if the page reports an error."""
    page = browser.new_page(viewport={"width": 1280, "height": 900}, offline=True)
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    yield page
    page.close()
    assert errors == []


@pytest.fixture(scope="session")
def real_videos_dir() -> Path:
    """The folder of real clips."""
    return REAL_VIDEOS


@pytest.fixture(scope="session")
def real_video(real_videos_dir: Path) -> Callable[[str], Path]:
    """real_video("dog.mp4"): the path of a real clip. The folder is there, so a missing clip is an error."""

    def path_of(name: str) -> Path:
        path = real_videos_dir / name
        assert path.is_file(), f"no {name} in {real_videos_dir}, which has: {sorted(os.listdir(real_videos_dir))}"
        return path

    return path_of


@pytest.fixture(scope="session")
def run_python(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., str]:
    """run_python(code_or_script, *arguments, environment="public" or "floor", ...): what it prints.

    Each call has a fresh working directory and a fresh Hugging Face cache. See tests/environment.py.
    """

    def run(code_or_script: str | Path, *arguments: str | Path, environment: str = "public", **options) -> str:
        folder = tmp_path_factory.mktemp(environment)
        return environments.run_python(code_or_script, *arguments, environment=environment, folder=folder, **options)

    return run
