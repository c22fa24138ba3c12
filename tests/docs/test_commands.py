"""Every command of the documents is one that its program accepts. The cheap ones are run."""

import configparser
import re

import pytest

import convert_checkpoint
from fila_video.training.stage_config import load_stage
from fila_video.world.__main__ import main as world
from tests.docs.commands import BadUsage, Command, commands_of, parse, program_of
from tests.docs.documents import DOCUMENTS
from tests.environment import REPOSITORY


MAKEFILE = (REPOSITORY / "Makefile").read_text(encoding="utf-8")
COMMANDS = [(name, command) for name, document in DOCUMENTS.items() for command in commands_of(document)]


def starting_with(*starts: str) -> pytest.MarkDecorator:
    """Parametrizes a test by the documented commands that start with one of these words."""
    chosen = [(name, command) for name, command in COMMANDS if command.text.startswith(starts)]
    ids = [f"{name}: {command.text}" for name, command in chosen]
    return pytest.mark.parametrize("command", [command for _, command in chosen], ids=ids)


@starting_with("python ", "accelerate launch ")
def test_a_program_accepts_its_documented_arguments(command, monkeypatch, tmp_path):
    if "--help" in command.words:
        program_of(command)
        return
    try:
        options = parse(command, monkeypatch)
    except BadUsage as error:
        assert command.is_mention and "the following arguments are required" in str(error), f"{command.text}: {error}"
        return
    if "fila_video.training" in command.words and not re.match("[A-Z]", options.stage):
        load_stage(options.stage, options.overrides, needs_data=not options.plan)


@starting_with("accelerate launch ")
def test_a_configuration_of_accelerate_exists(command):
    assert (REPOSITORY / command.words[command.words.index("--config_file") + 1]).is_file()


@starting_with("make")
def test_a_make_target_exists_and_reads_its_variables(command):
    targets = re.findall(r"^([a-z-]+):.* ## ", MAKEFILE, flags=re.MULTILINE)
    for word in command.words[1:]:
        name, is_variable, _ = word.partition("=")
        assert f"$({name})" in MAKEFILE if is_variable else name in targets


@starting_with("pip install")
def test_an_extra_of_pip_exists(command):
    setup = configparser.ConfigParser()
    setup.read(REPOSITORY / "setup.cfg")
    for extras in re.findall(r"(?:\.|fila-video)\[([\w,]+)\]", command.text):
        assert set(extras.split(",")) <= set(setup["options.extras_require"])


@starting_with("python -m fila_video.world make-data")
def test_make_data_runs_with_two_videos(command, tmp_path):
    if command.is_mention:
        return
    _, _, (make_data, _, *options) = program_of(command)
    assert world([make_data, str(tmp_path / "data"), *options, "--videos", "2", "--workers", "1"]) == 0
    assert len(list((tmp_path / "data" / "videos").iterdir())) == 2


@starting_with("python convert_checkpoint.py scratch:tiny")
def test_an_untrained_checkpoint_is_written(command, tmp_path):
    source, _, *options = command.words[2:]
    assert convert_checkpoint.main([source, str(tmp_path / "model"), *options]) == 0
    assert (tmp_path / "model" / "model.safetensors").is_file()


@pytest.mark.parametrize(
    ("text", "is_mention", "accepted"),
    [
        ("python -m fila_video.world make-data OUT --videos N  # a comment", False, True),
        ("python -m fila_video.world make-data OUT", False, False),
        ("python -m fila_video.world make-data", True, True),
        ("python -m fila_video.world make-data OUT --videos 1 --no-such-option", True, False),
        ("python convert_checkpoint.py SOURCE OUTPUT [--base ...] > log.txt", False, True),
    ],
)
def test_what_is_accepted(text, is_mention, accepted, monkeypatch):
    """The check above finds what is wrong."""
    command = Command(text, is_mention)
    if accepted:
        test_a_program_accepts_its_documented_arguments(command, monkeypatch, None)
    else:
        with pytest.raises(AssertionError):
            test_a_program_accepts_its_documented_arguments(command, monkeypatch, None)


@pytest.mark.parametrize("module", ["fila_video.no_such_module", "fila_video.common", "fila_video.world.chance"])
def test_a_module_that_is_no_program_is_found_out(module, monkeypatch):
    with pytest.raises(AssertionError):
        parse(Command(f"python -m {module} OUT"), monkeypatch)
