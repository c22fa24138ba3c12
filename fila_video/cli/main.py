"""The program `fila-video`: its commands, and how it reports errors."""

import signal
import sys
from collections.abc import Sequence
from typing import Annotated, Any

import typer
from typer.main import get_command

import fila_video
from fila_video.common.command_line import BAD_DATA, EXPECTED_ERRORS

from .ask import ask
from .chat import chat
from .forward import FORWARDED, ForwardedCommand, forwarded
from .info import info
from .scenes import scenes
from .show import note, prepare_streams
from .usage import Command, Group


PROGRAM = "fila-video"
INTERRUPTED = 130
ADVICE = "Fewer frames (--num-frames), fewer scenes (--num-scenes) or --quantization int8 need less."


app = typer.Typer(
    cls=Group,
    add_completion=False,
    rich_markup_mode="rich",
    invoke_without_command=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["--help", "-h"]},
)
app.command(cls=Command, options_metavar='VIDEO... "QUESTION"... [OPTIONS]')(ask)
app.command(cls=Command, options_metavar="VIDEO [OPTIONS]")(chat)
app.command(cls=Command, options_metavar="VIDEO [-o FILE] [OPTIONS]")(scenes)
for name, (_, summary) in FORWARDED.items():
    app.command(name, cls=ForwardedCommand, help=summary)(forwarded(name))
app.command(cls=Command, options_metavar="[--json]")(info)


def _print_version(is_wanted: bool) -> None:
    if is_wanted:
        print(f"{PROGRAM} {fila_video.__version__}")
        raise typer.Exit


@app.callback()
def about(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", metavar="", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """
    Ask questions about long videos, and see which moments the answers rest on.

    First try: fila-video ask clip.mp4 "What happens?"
    """
    if context.invoked_subcommand is None:
        print(context.get_help())


def main(arguments: Sequence[str] | None = None) -> int:
    """
    Runs a command.

    Args:
        arguments: Arguments of the program. Default: those of this process.

    Returns:
        The exit status: 0 for success, 1 for bad data, 2 for bad usage, 130 if the user interrupts.
    """
    if arguments is None:
        # A kill lets a command remove what it has not finished, like Ctrl-C.
        signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
        arguments = sys.argv[1:]
    prepare_streams()
    try:
        return get_command(app).main(list(arguments), prog_name=PROGRAM, standalone_mode=False) or 0
    except typer.TyperException as error:
        note(_program(arguments), error.format_message())
        return error.exit_code
    except typer.Abort:
        return INTERRUPTED
    except EXPECTED_ERRORS as error:
        note(_program(arguments), error)
        return BAD_DATA
    except (MemoryError, RuntimeError) as error:
        if not _is_lack_of_memory(error):
            raise
        note(_program(arguments), f"There is not enough memory for this model and video. {ADVICE}")
        return BAD_DATA


def _is_lack_of_memory(error: BaseException) -> bool:
    """PyTorch reports a lack of memory as a `RuntimeError`, with other words on a GPU than on a CPU."""
    text = str(error).lower()
    return isinstance(error, MemoryError) or "out of memory" in text or "can't allocate memory" in text


def _program(arguments: Sequence[str]) -> str:
    """The name that errors begin with: the program and its command."""
    commands: Any = get_command(app)
    return f"{PROGRAM} {arguments[0]}" if arguments and arguments[0] in commands.commands else PROGRAM
