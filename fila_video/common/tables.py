"""Markdown tables."""

from collections.abc import Iterable, Sequence

from tabulate import tabulate


def markdown_table(headers: Sequence[str], rows: Iterable[Sequence[object]], *, align: str = "") -> str:
    """Formats a Markdown table. Cells are written as they are: numbers are not reformatted.

    Args:
        headers: Title of each column.
        rows: Cells of each row, one for each column.
        align: One letter for each column: `l`, `r` or `c`. By default, all columns are aligned left.

    Returns:
        The lines of the table, without a line break at the end.
    """
    names = {"l": "left", "r": "right", "c": "center"}
    columns = tuple(names[letter] for letter in align or "l" * len(headers))
    return tabulate(list(rows), headers=headers, tablefmt="pipe", colalign=columns, disable_numparse=True)
