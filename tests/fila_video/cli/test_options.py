"""The options have the names and choices of the configuration, and the help of each command explains them."""

import re
from typing import get_args

import pytest
from typer.main import get_command

from fila_video.cli import options
from fila_video.cli.main import app
from modeling_fila.modeling_choices import SCENE_MERGINGS, SCENE_SELECTIONS, SCENE_SUPPLEMENTS
from modeling_fila.scene_options import SCENE_OPTIONS
from processing_fila.processing_kwargs import FilaVideoVideosKwargs
from processing_fila.subtitle_text import DEFAULT_MAX_SUBTITLE_TOKENS, SUBTITLE_LINES
from processing_fila.timestamps import TIMESTAMPS
from tests.test_imports import HEAVY, python


OWN_COMMANDS = ("ask", "chat", "scenes", "info")
FORWARDED = ("serve", "app", "convert", "train", "dataset", "evaluate", "publish")


def choices(annotation):
    """The values of `Annotated[Literal[...] | None, ...]`."""
    literal = next(kind for kind in get_args(get_args(annotation)[0]) if kind is not type(None))
    return set(get_args(literal))


@pytest.mark.parametrize(
    ("annotation", "values"),
    [
        (options.SceneSelection, SCENE_SELECTIONS),
        (options.SceneSupplement, SCENE_SUPPLEMENTS),
        (options.SceneMerging, SCENE_MERGINGS),
        (options.Timestamps, TIMESTAMPS),
        (options.SubtitleLines, SUBTITLE_LINES),
    ],
)
def test_the_choices_are_those_of_the_configuration(annotation, values):
    assert choices(annotation) == set(values)


def test_the_options_of_a_video_are_arguments_of_the_pipeline():
    given = options.VideoOptions(2, None, 1.0, 3.0, 4, "bsm", "similar", 3, "average", "none").given()
    assert set(given) <= set(SCENE_OPTIONS) | set(FilaVideoVideosKwargs.__annotations__) | {"num_frames"}
    assert options.VideoOptions().given() == {}


def test_the_options_of_subtitles_are_arguments_of_the_processor():
    given = options.SubtitleOptions("a.srt", "scenes", "eng", 9).given()
    assert set(given) <= set(FilaVideoVideosKwargs.__annotations__) and given["subtitles"] == "a.srt"
    assert options.SubtitleOptions("track").given() == {"subtitles": True}
    assert options.SubtitleOptions().given() == {}
    assert f"Default: {DEFAULT_MAX_SUBTITLE_TOKENS}." in str(options.MaxSubtitleTokens.__metadata__[0].help)


def test_a_temperature_draws_words():
    assert options.AnswerOptions(temperature=0.5).given() == {"do_sample": True, "temperature": 0.5}
    assert options.AnswerOptions(temperature=0, max_new_tokens=3).given() == {"max_new_tokens": 3}


@pytest.mark.parametrize("command", OWN_COMMANDS)
def test_every_option_has_a_sentence_of_help(command):
    for parameter in get_command(app).commands[command].params:
        if parameter.param_type_name == "option":
            assert re.match(r"[A-Z].{15,}\.$", parameter.help or "", re.DOTALL), parameter.name
            for choice in parameter.type_descriptor.choices or ():
                assert choice in parameter.help, f"--{parameter.name} does not explain {choice}"


HELP = """
import contextlib, io, sys
from fila_video.cli.main import main
for command in sys.argv[1:]:
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.suppress(SystemExit):
        main([command, "--help"] if command != "fila-video" else [])
    print(command, max(map(len, out.getvalue().splitlines())), f"fila-video {command}" in out.getvalue())
print(*(name for name in HEAVY if name in sys.modules))
"""


def test_the_help_of_every_command_fits_and_loads_nothing_heavy(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    names = (*OWN_COMMANDS, *FORWARDED)
    overview, *lines, loaded = python(f"HEAVY = {HEAVY}\n{HELP}", "fila-video", *names)
    assert overview == "fila-video 80 False"
    assert loaded == ""
    for name, line in zip(names, lines, strict=True):
        shown, width, is_named = line.split()
        assert (shown, is_named) == (name, "True") and int(width) <= 80
