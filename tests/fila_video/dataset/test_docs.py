"""The example of docs/dataset.md works, and all its commands exist with the options that it uses."""

import re
import shlex

import pytest

from fila_video.dataset.__main__ import main
from tests.environment import REPOSITORY


TEXT = (REPOSITORY / "docs" / "dataset.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^    python -m fila_video\.dataset (.*)$", TEXT, re.M)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_documented_command_can_be_parsed(command, monkeypatch):
    run = []
    for name in ("plan", "join", "stats", "validate"):
        monkeypatch.setattr(f"fila_video.dataset.commands.{name}", lambda options: run.append(options.command) or 0)
    assert main(shlex.split(command)) == 0
    assert run == [command.split()[0]]


def test_all_four_commands_are_documented():
    assert {command.split()[0] for command in COMMANDS} == {"plan", "join", "stats", "validate"}


def test_the_small_example_works(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (program,) = re.findall(r"^```python\n(.*?)^```$", TEXT, re.M | re.S)
    exec(program, {"__name__": "__main__"})
    commands = [command for command in COMMANDS if "small" in command.split()]
    assert [command.split()[0] for command in commands] == ["plan", "join", "stats", "validate"]
    for command in commands:
        assert main(shlex.split(command)) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "2 records, 0 problems."
    assert [path.name for path in sorted((tmp_path / "small" / "videos").iterdir())] == [
        "long-000000.mp4",
        "long-000001.mp4",
    ]
