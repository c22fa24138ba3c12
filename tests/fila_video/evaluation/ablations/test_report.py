"""Tables of ablations: means with Student's intervals, and differences that are taken seed by seed."""

from fila_video.evaluation.ablations.report import as_table
from tests.tables import unpadded


def test_equal_shares_have_no_spread():
    assert "| a | 50.0 | 50.0 to 50.0 | 50.0, 50.0 | | |" in unpadded(as_table({"a": [0.5, 0.5]}))


def test_differences_are_taken_seed_by_seed():
    """Seeds differ by 20 points and rows by 1, 2 and 3: a mean of 2, plus or minus 4.303 / sqrt(3)."""
    table = as_table({"a": [0.4, 0.5, 0.6], "b": [0.41, 0.52, 0.63]})
    assert unpadded(table).splitlines()[-1].endswith("| 41.0, 52.0, 63.0 | 2.0 | -0.5 to 4.5 |")
