"""What all command lines have in common: how they report errors, and how they name defaults."""

import argparse
import warnings

import pytest

from fila_video.common.command_line import HelpFormatter, report_error, run_reporting_errors
from fila_video.common.files import DiskFullError
from fila_video.common.workers import WorkerDiedError


@pytest.mark.parametrize(("returned", "status"), [(None, 0), (0, 0), (1, 1), (3, 3)])
def test_the_exit_status_of_the_command_is_returned(returned, status, capsys):
    assert run_reporting_errors("fila", lambda: returned) == status
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    "error",
    [
        ValueError("frames=0 must be positive."),
        FileNotFoundError(2, "No such file", "clip.mp4"),
        DiskFullError(28, "No space left in out."),
        ImportError("Plots need matplotlib."),
        WorkerDiedError("A worker process died."),
    ],
)
def test_expected_errors_are_one_line_and_exit_status_1(error, capsys):
    def command():
        raise error

    assert run_reporting_errors("fila ask", command) == 1
    printed = capsys.readouterr()
    assert printed.err == f"fila ask: {error}\n" and printed.out == ""


@pytest.mark.parametrize("error", [KeyError("frames"), RuntimeError("a bug"), KeyboardInterrupt()])
def test_other_errors_keep_their_traceback(error):
    def command():
        raise error

    with pytest.raises(type(error)):
        run_reporting_errors("fila", command)


def test_an_error_of_several_lines_is_printed_in_one(capsys):
    report_error("fila", ValueError("first line\n  second   line\n"))
    assert capsys.readouterr().err == "fila: first line second line\n"


def test_help_names_a_default_once_and_leaves_out_missing_ones():
    parser = argparse.ArgumentParser(prog="program", formatter_class=HelpFormatter)
    parser.add_argument("--number", default=3, help="a number")
    parser.add_argument("--types", help="some types (default: all)")
    parser.add_argument("--flag", action="store_true", help="a flag")
    text = parser.format_help()
    assert "a number (default: 3)" in text and "some types (default: all)" in text
    assert text.count("(default:") == 2


def test_a_warning_about_data_is_one_line_and_one_about_code_is_pythons(capsys):
    def command():
        warnings.warn("clip.mp4: 3 of 10 frames\n  are damaged", UserWarning, stacklevel=1)
        warnings.warn("use the new name", FutureWarning, stacklevel=1)

    shown_before = warnings.showwarning
    with pytest.warns(FutureWarning, match="use the new name") as caught:
        assert run_reporting_errors("fila ask", command) == 0
    assert capsys.readouterr().err == "fila ask: warning: clip.mp4: 3 of 10 frames are damaged\n"
    assert len(caught) == 1 and warnings.showwarning is shown_before
