"""Writes the statistics of a dataset: a table, its numbers and two plots."""

from pathlib import Path

from fila_video.common.files import write_json, write_text

from .plots import write_plots
from .summary import DatasetSummary, summary_table


def write_statistics(summary: DatasetSummary, folder: Path) -> list[Path]:
    """Writes the table (statistics.md), its numbers (statistics.json) and the two plots.

    Returns:
        The paths of all files.

    Raises:
        ImportError: If matplotlib is not installed.
    """
    write_text(folder / "statistics.md", summary_table(summary))
    write_json(folder / "statistics.json", summary.to_dict())
    return [folder / "statistics.md", folder / "statistics.json", *write_plots(summary, folder)]
