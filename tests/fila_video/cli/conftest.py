"""A clip, the small model as an oracle, and a way to run `fila-video` in this process."""

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from transformers import pipeline
from transformers.utils import logging

import fila_video  # noqa: F401 (registers the classes)
from fila_video.cli.main import main
from tests.clips import draw_clip
from tests.environment import REPOSITORY


MINI = REPOSITORY / "checkpoints" / "fila-video-mini"


@dataclass
class Done:
    """What a command printed, and its exit status."""

    status: int
    out: str
    err: str


@pytest.fixture
def fila(capfd, monkeypatch) -> Iterator[Callable[..., Done]]:
    """fila("ask", clip, "What?"): runs the command in this process, with 80 columns and without a terminal."""
    monkeypatch.setenv("COLUMNS", "80")
    verbosity, has_bars = logging.get_verbosity(), logging.is_progress_bar_enabled()

    def run(*arguments: str | Path) -> Done:
        with warnings.catch_warnings():
            try:
                status = main([str(argument) for argument in arguments])
            except SystemExit as error:  # as argparse ends a program
                status = error.code
        return Done(status, *capfd.readouterr())

    yield run
    logging.set_verbosity(verbosity)
    if has_bars:
        logging.enable_progress_bar()


@pytest.fixture(scope="session")
def clip(tmp_path_factory) -> Path:
    """Eight seconds, with four scenes of two seconds."""
    return draw_clip(tmp_path_factory.mktemp("cli") / "clip.mp4", fps=5)


@pytest.fixture(scope="session")
def oracle() -> Any:
    """The pipeline of the small model, whose answers the commands have to give."""
    make: Any = pipeline
    return make("video-text-to-text", model=str(MINI))
