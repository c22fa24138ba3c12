"""Markdown tables as the tests compare them."""

import re


def unpadded(table: str) -> str:
    """A table without the spaces that align its columns: `| a   |  1 |` becomes `| a | 1 |`."""
    return re.sub(r"(?<=\|) +(?=\|)", " ", re.sub(r" *\| *", " | ", table)).strip(" ").replace(" | \n | ", " |\n| ")
