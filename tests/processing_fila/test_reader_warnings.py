"""A warning shows the line of the user's own code, whatever calls the reader."""

import warnings
from collections.abc import Callable
from functools import partial

import pytest

from processing_fila.reader_warnings import warn_user


def calling(module: str, function: Callable[[], None]) -> Callable[[], None]:
    """A function of a module with this name that calls `function`."""
    names = {"__name__": module, "function": function}
    exec(compile("def call():\n    function()\n", f"{module}.py", "exec"), names)
    return names["call"]


def warn() -> None:
    warn_user("damaged", UserWarning)


@pytest.mark.parametrize(
    "modules",
    [
        ("processing_fila.reader",),
        ("transformers_modules.mini.reader", "transformers.processing_utils", "pipeline_fila"),
        ("processing_fila.reader", "torch.utils._contextlib", "fila_video.evaluation.ask", "datasets.arrow_dataset"),
    ],
)
def test_the_line_of_the_first_caller_outside_is_shown(modules):
    function = partial(warn_user, "damaged", UserWarning)
    for module in modules:
        function = calling(module, function)
    users = {"__name__": "users_program", "function": function}
    code = compile("\n\n\nfunction()\n", "users_program.py", "exec")
    with pytest.warns(UserWarning, match="damaged") as caught:
        exec(code, users)
    assert [(warning.filename, warning.lineno) for warning in caught] == [("users_program.py", 4)]


def test_a_place_is_warned_about_once_under_pythons_default():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        for _ in range(3):
            warn()
        warn()
    assert len(caught) == 1  # all four come from one line of this file


def test_without_a_caller_outside_the_outermost_one_is_shown(monkeypatch):
    monkeypatch.setattr("processing_fila.reader_warnings._is_passed_over", lambda frame: True)
    with pytest.warns(UserWarning, match="damaged"):
        warn()
