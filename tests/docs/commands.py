"""The command lines of a document, and a way to parse one without running it."""

import argparse
import importlib.util
import re
import runpy
import shlex
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import pytest
import typer
from typer.core import TyperCommand
from typer.main import get_command

from fila_video.cli.forward import ForwardedCommand
from fila_video.cli.main import app
from tests.docs.markdown import Document
from tests.environment import REPOSITORY


SHELLS = ("", "bash", "console", "sh", "shell")
OURS = re.compile(
    r"(accelerate launch|make|pip install"
    r"|fila-video"
    r"|python -m (benchmarks|fila_video)[\w.]*"
    r"|python (benchmarks|checkpoints|demo|docs)/[\w/]+\.py|python convert_checkpoint\.py)(?= |$)"
)


@dataclass(frozen=True)
class Command:
    """A command of a document.

    Args:
        text: As it is written, with continued lines joined.
        is_mention: Whether it stands inside a sentence, where required arguments may be left out.
    """

    text: str
    is_mention: bool = False

    @property
    def words(self) -> list[str]:
        """What a shell would pass on, without comments, redirections and what a usage line says in brackets."""
        words: list[str] = []
        is_optional = False
        for word in shlex.split(self.text, comments=True):
            if word in (">", ";", "&&", "|"):
                break
            is_optional = is_optional or word.startswith("[")
            if not is_optional and word != "...":
                words.append(_filled_in(word))
            is_optional = is_optional and not word.endswith("]")
        return words


def commands_of(document: Document) -> list[Command]:
    """The commands of this project in a document's code blocks and in its inline code, each once."""
    lines = [
        line
        for block in document.blocks
        if block.language in SHELLS
        for line in block.code.replace("\\\n", " ").splitlines()
    ]
    in_blocks = [Command(line.strip().removeprefix("$ ")) for line in lines]
    mentions = [Command(code, is_mention=True) for code in document.inline_code]
    return list(dict.fromkeys(command for command in [*in_blocks, *mentions] if OURS.match(command.text)))


class Parsed(BaseException):
    """Ends a program as soon as its arguments are parsed. No program catches it."""

    def __init__(self, options: argparse.Namespace):
        super().__init__()
        self.options = options


class BadUsage(BaseException):
    """Ends a program whose arguments its parser refuses."""


def parse(command: Command, monkeypatch: pytest.MonkeyPatch) -> argparse.Namespace | None:
    """Starts the program of a `python ...` command, and stops it as soon as it has parsed its arguments.

    Returns:
        What was parsed; None for a program without a parser, which is not started.

    Raises:
        BadUsage: If the parser refuses the arguments. The message is the parser's.
        AssertionError: If there is no such program, or if it ends without parsing anything.
    """
    path, name, arguments = program_of(command)
    if "argparse" not in path.read_text(encoding="utf-8") and "sys.argv" in path.read_text(encoding="utf-8"):
        return None
    _stop_after_parsing(monkeypatch)
    monkeypatch.setattr(sys, "argv", [str(path), *arguments])
    monkeypatch.syspath_prepend(path.parent if name is None else REPOSITORY)
    try:
        if name is None:
            runpy.run_path(str(path), run_name="__main__")
        else:
            runpy.run_module(name, run_name="__main__")
    except Parsed as parsed:
        return parsed.options
    raise AssertionError(f"{command.text} ends without parsing its arguments: is {path.name} a program?")


def parse_fila_video(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """Starts a `fila-video ...` command, and stops it as soon as it has parsed its arguments.

    Raises:
        BadUsage: If a parser refuses the arguments. The message is the parser's.
        AssertionError: If it ends without parsing anything, and does not ask for help.
    """
    _stop_after_parsing(monkeypatch)

    invoke = TyperCommand.invoke

    def invoke_and_stop(self: TyperCommand, context: typer.Context) -> None:
        if isinstance(self, ForwardedCommand):  # argparse parses its arguments
            invoke(self, context)
        raise Parsed(argparse.Namespace(**context.params))

    monkeypatch.setattr(TyperCommand, "invoke", invoke_and_stop)
    try:
        status = get_command(app).main(command.words[1:], prog_name="fila-video", standalone_mode=False)
    except Parsed:
        return
    except typer.TyperException as error:
        raise BadUsage(error.format_message()) from error
    assert {"--help", "--version"} & set(command.words) or len(command.words) == 1, f"{command.text} ends with {status}"


def program_of(command: Command) -> tuple[Path, str | None, list[str]]:
    """The file of a `python ...` command, the module's name if it is run by name, and its arguments."""
    words = command.words[command.words.index("-m") - 1 :] if "-m" in command.words else command.words
    if words[1] != "-m":
        path = REPOSITORY / words[1]
        assert path.is_file(), f"{command.text}: there is no file {words[1]}"
        return path, None, words[2:]
    spec = importlib.util.find_spec(words[2])
    assert spec is not None, f"{command.text}: there is no module {words[2]}"
    path = Path(str(spec.origin))
    path = path.with_name("__main__.py") if path.name == "__init__.py" else path
    assert path.is_file(), f"{command.text}: {words[2]} is a package without a command line"
    return path, words[2], words[3:]


def _stop_after_parsing(monkeypatch: pytest.MonkeyPatch) -> None:
    for method in ("parse_args", "parse_intermixed_args"):
        original = getattr(argparse.ArgumentParser, method)

        def parse_and_stop(self, args=None, namespace=None, original=original):
            raise Parsed(original(self, args, namespace))

        monkeypatch.setattr(argparse.ArgumentParser, method, parse_and_stop)

    def error(self: argparse.ArgumentParser, message: str) -> NoReturn:
        raise BadUsage(message)

    monkeypatch.setattr(argparse.ArgumentParser, "error", error)


def _filled_in(word: str) -> str:
    """A placeholder such as N, CLIPS..., model=... or plan|join, filled in so that a parser can take it."""
    if re.fullmatch(r"[A-Z]", word):
        return "1"
    if re.fullmatch(r"[\w-]+(\|[\w-]+)+", word):
        return word.partition("|")[0]
    return re.sub(r"(?<=[A-Z])\.\.\.$", "", word).replace("=...", "=something")
