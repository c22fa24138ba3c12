"""How every command line of this project reports an error or a warning."""

import argparse
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


# Errors in the user's data, files or environment. Any other error is a bug in this program and keeps its traceback.
EXPECTED_ERRORS = (ValueError, OSError, ImportError)
INSTALL = (
    "This Python does not have the packages of this project. In a clone of the repository, run: "
    "pip install -e . (or make demo, and then use .venv/bin/python)"
)
BAD_DATA = 1  # argparse itself exits with 2 for bad usage


def report_error(program: str, error: object) -> None:
    """Prints an error as one line on standard error, prefixed with the name of the program."""
    print(f"{program}: {' '.join(str(error).split())}", file=sys.stderr)


@contextmanager
def warnings_in_one_line(program: str) -> Iterator[None]:
    """
    Shows the warnings about a user's data as one line on standard error, prefixed with the name of the program.

    Warnings about code, such as deprecations, are shown as Python shows them.
    """

    def show(message: Warning | str, category: type[Warning], filename: str, lineno: int, *others: Any) -> None:
        if issubclass(category, UserWarning):
            report_error(program, f"warning: {message}")
        else:
            shown_before(message, category, filename, lineno, *others)

    shown_before = warnings.showwarning
    with warnings.catch_warnings():  # puts `showwarning` back
        warnings.showwarning = show  # type: ignore[assignment]
        yield


def run_reporting_errors(program: str, command: Callable[[], int | None]) -> int:
    """Runs a command and returns its exit status. An expected error and each warning are reported in one line.

    Args:
        program: Name of the program, as the user called it.
        command: Function without arguments that returns an exit status, or None for success.

    Returns:
        The exit status of the command, or 1 if an expected error ended it.
    """
    try:
        with warnings_in_one_line(program):
            return command() or 0
    except ModuleNotFoundError as error:
        report_error(program, f"{error}. {INSTALL}")
        return BAD_DATA
    except EXPECTED_ERRORS as error:
        report_error(program, error)
        return BAD_DATA


class HelpFormatter(argparse.ArgumentDefaultsHelpFormatter):
    """Adds the default to the help text of an option, unless the text names it already or there is none."""

    def _get_help_string(self, action: argparse.Action) -> str | None:
        if action.default is None or action.default is False or "(default:" in (action.help or ""):
            return action.help
        return super()._get_help_string(action)
