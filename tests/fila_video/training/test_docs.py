"""The commands in docs/train.md are accepted by the parser, and their stages load."""

import re
import shlex

import pytest

from fila_video.training.__main__ import _parser
from fila_video.training.stage_config import load_stage
from tests.environment import REPOSITORY


TEXT = (REPOSITORY / "docs" / "train.md").read_text(encoding="utf-8").replace("\\\n", " ")
COMMANDS = re.findall(r"^ *(?:python|accelerate launch.*) -m fila_video\.training (.+)$", TEXT, flags=re.MULTILINE)
COMMANDS = [command for command in COMMANDS if not command.startswith("STAGE")]


def test_there_are_commands():
    assert len(COMMANDS) >= 7


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_gives_a_whole_stage(command):
    options = _parser().parse_args(shlex.split(command))
    stage = load_stage(options.stage, options.overrides, needs_data=not options.plan)
    assert stage.name == options.stage
