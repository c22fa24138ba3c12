"""The commands of docs/dataset.md are commands that exist, with options that exist."""

import shlex

import pytest

from dataset_fila.__main__ import main
from tests.environment import REPOSITORY


LINES = (REPOSITORY / "docs" / "dataset.md").read_text(encoding="utf-8").splitlines()
COMMANDS = [
    line.strip().removeprefix("python -m dataset_fila ") for line in LINES if "    python -m dataset_fila " in line
]


@pytest.mark.parametrize("command", COMMANDS)
def test_a_documented_command_can_be_parsed(command, monkeypatch):
    run = []
    for name in ("plan", "join", "stats", "validate"):
        monkeypatch.setattr(f"dataset_fila.commands.{name}", lambda options: run.append(options.command) or 0)
    assert main(shlex.split(command)) == 0
    assert run == [command.split()[0]]


def test_all_four_commands_are_documented():
    assert {command.split()[0] for command in COMMANDS} == {"plan", "join", "stats", "validate"}
