"""Every command of the documents is one that its program accepts. The cheap ones are run."""

import configparser
import json
import re
import warnings

import pytest

import convert_checkpoint
from fila_video.cli.main import main as fila_video_main
from fila_video.training.stage_config import load_stage
from fila_video.world.__main__ import main as world
from tests.clips import add_text_track, draw_clip
from tests.docs.commands import BadUsage, Command, commands_of, parse, parse_fila_video, program_of
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
    if command.words[1:] == ["-m", "fila_video"]:
        parse_fila_video(Command("fila-video"), monkeypatch)
        return
    try:
        options = parse(command, monkeypatch)
    except BadUsage as error:
        assert command.is_mention and "the following arguments are required" in str(error), f"{command.text}: {error}"
        return
    if "fila_video.training" in command.words and not re.match("[A-Z]", options.stage):
        load_stage(options.stage, options.overrides, needs_data=not options.plan)


@starting_with("fila-video")
def test_the_command_line_accepts_its_documented_arguments(command, monkeypatch):
    try:
        parse_fila_video(command, monkeypatch)
    except BadUsage as error:
        is_short = re.search("Missing argument|the following arguments are required", str(error))
        assert command.is_mention and is_short, f"{command.text}: {error}"


@starting_with("fila-video ask", "fila-video scenes")
def test_a_documented_question_is_answered(command, tmp_path, monkeypatch, capfd):
    """With the small model, and without a network."""
    words = command.words
    if command.is_mention or "--model" in words or "-o" in words or any("://" in word for word in words):
        return
    for name in ("clip.mp4", "other.mp4", "clips/inside/clip.mp4"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        draw_clip(tmp_path / name, seconds=5, fps=4)
    lines = "1\n00:00:01,000 --> 00:00:02,000\nHello\n"
    (tmp_path / "clip.srt").write_text(lines)
    add_text_track(tmp_path / "clip.mp4", lines, tmp_path / "clip.mkv")
    requests = [{"video": "clip.mp4", "question": "What is in the first scene?", "id": 7}, {"video": "other.mp4"}]
    (tmp_path / "requests.jsonl").write_text("".join(json.dumps(request) + "\n" for request in requests))
    (tmp_path / "clips" / "clip.mp4").symlink_to(tmp_path / "clip.mp4")
    monkeypatch.chdir(tmp_path)
    with warnings.catch_warnings():
        assert fila_video_main(words[1:]) == 0
    assert capfd.readouterr().out or (tmp_path / "answers.jsonl").read_text().count("\n") == 2


@starting_with("accelerate launch ")
def test_a_configuration_of_accelerate_exists(command):
    if "--config_file" in command.words:
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
