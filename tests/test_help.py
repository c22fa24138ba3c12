"""The help of every command comes at once, without what only the work needs, and describes every argument."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator

import pytest
from typer.main import get_command

from fila_video.cli.main import app
from tests.docs.commands import commands_of, program_of
from tests.docs.documents import DOCUMENTS
from tests.environment import REPOSITORY


HEAVY = ("torch", "transformers", "scipy", "pandas", "statsmodels", "matplotlib")  # each takes half a second or more
MOST_COLUMNS = 100
SCRIPTS = ("convert_checkpoint.py", "checkpoints/*.py", "demo/*.py", "docs/figures/*.py")
# Starts a program with --help, and then once more with each command that the help lists, all in one interpreter.
RUN = """
import contextlib, io, re, runpy, sys
program, kind, heavy = sys.argv[1], sys.argv[2], sys.argv[3].split()
sys.path[0] = "" if kind == "module" else program.rpartition("/")[0]
run = runpy.run_module if kind == "module" else runpy.run_path

def print_help(*commands):
    sys.argv = [program, *commands, "--help"]
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        try:
            run(program, run_name="__main__")
        except SystemExit as end:
            assert not end.code, (commands, end.code)
        else:
            raise AssertionError("the program did not end after its help")
    print(printed.getvalue())
    return printed.getvalue()

listed = print_help()
named = re.search(r"^  \\{([a-z_,-]+)\\}$", listed, flags=re.MULTILINE)
for command in named[1].split(",") if named else re.findall(r"^│ ([a-z]+) ", listed, flags=re.MULTILINE):
    print_help(command)
print("loaded:", *(name for name in heavy if name in sys.modules))
"""


def has_parser(text: str) -> bool:
    return "ArgumentParser(" in text or "_parser(" in text or "cli.main" in text


def programs() -> list[str]:
    """Paths of scripts and names of modules, those that a document names included."""
    found = {path for pattern in SCRIPTS for path in REPOSITORY.glob(pattern) if has_parser(path.read_text("utf-8"))}
    names = {path.relative_to(REPOSITORY).as_posix() for path in found}
    for path in [*REPOSITORY.glob("benchmarks/*.py"), *REPOSITORY.glob("fila_video/**/__main__.py")]:
        text = path.read_text("utf-8")
        if "__main__.py" in path.name or has_parser(text):
            names.add(".".join(path.relative_to(REPOSITORY).with_suffix("").parts).removesuffix(".__main__"))
    for document in DOCUMENTS.values():
        for command in commands_of(document):
            if command.text.startswith("python "):
                path, name, _ = program_of(command)
                names.add(name or path.relative_to(REPOSITORY).as_posix())
    scripts = {name.removesuffix(".py").replace("/", ".") for name in names if name.endswith(".py")}
    return sorted(names - scripts)  # `python benchmarks/x.py` and `python -m benchmarks.x` are the same program


def undescribed(text: str) -> Iterator[str]:
    """Yields the arguments in the help of argparse that have no description, beside them or below."""
    lines = [*text.splitlines(), ""]
    for line, following in zip(lines, lines[1:], strict=False):
        is_bare_argument = re.match(r"  (-\S+( \S+)*|\w+)$", line)
        if is_bare_argument and not following.startswith(" " * 10):
            yield line.strip()


@pytest.mark.parametrize("program", programs())
def test_the_help_is_light_narrow_and_complete(program):
    kind = "file" if program.endswith(".py") else "module"
    environment = {**os.environ, "COLUMNS": str(MOST_COLUMNS), "PYTHONPATH": str(REPOSITORY)}
    command = [sys.executable, "-c", RUN, program, kind, " ".join(HEAVY)]
    done = subprocess.run(command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    *lines, loaded = done.stdout.splitlines()
    assert loaded == "loaded:"
    assert [line for line in lines if len(line) > MOST_COLUMNS] == []
    options = done.stdout.partition("positional arguments:\n")[2] or done.stdout.partition("options:\n")[2]
    assert list(undescribed(options)) == []


def test_every_option_of_the_program_is_described():
    commands = {"": get_command(app), **get_command(app).commands}
    assert [
        (name, option.name)
        for name, command in commands.items()
        for option in command.params
        if option.param_type_name == "option" and not option.help and not option.hidden
    ] == []


def test_what_is_undescribed_is_found():
    assert list(undescribed("options:\n  -h, --help  show it\n  --long NAME\n            described\n  --bad BAD")) == [
        "--bad BAD"
    ]
