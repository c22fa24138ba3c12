"""Markdown tables keep their cells as they are."""

import pytest

from fila_video.common.tables import markdown_table


def test_columns_are_aligned_as_requested():
    assert markdown_table(["name", "n", "share"], [["a", "1", "0.50"], ["long name", "10", "1"]], align="lrc") == (
        "| name      |   n |  share  |\n"
        "|:----------|----:|:-------:|\n"
        "| a         |   1 |  0.50   |\n"
        "| long name |  10 |    1    |"
    )


def test_columns_are_aligned_left_by_default():
    assert markdown_table(["a", "b"], [["1", "2"]]).splitlines()[1] == "|:----|:----|"


def test_numbers_are_not_reformatted():
    """Tabulate would turn texts into numbers: 0.500 into 0.5, and 1e3 into 1000."""
    row = markdown_table(["a", "b", "c"], [["0.500", "1e3", "007"]]).splitlines()[-1]
    assert row.replace(" ", "") == "|0.500|1e3|007|"


def test_rows_may_be_any_iterable():
    assert markdown_table(["a"], ([str(number)] for number in range(3))).count("\n") == 4


def test_an_unknown_alignment_is_an_error():
    with pytest.raises(KeyError):
        markdown_table(["a"], [["1"]], align="x")
