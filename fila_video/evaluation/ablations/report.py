"""Tables and plots of ablations: means over seeds, with Student's intervals."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from fila_video.common.statistics import mean_and_reach
from fila_video.common.tables import markdown_table


def as_table(rows: Mapping[str, Sequence[float]]) -> str:
    """
    A Markdown table with one row for each variant, in percent.

    The last columns are the difference to the first row, taken seed by seed. They say more than the intervals of two
    rows, because a good or bad seed affects all rows alike.

    Args:
        rows: For each variant, the share of correct answers of each seed.
    """
    first_name, first = next(iter(rows.items()))
    headers = ("", "right, %", "95 % interval", "seeds", f"more than {first_name}, points", "95 % interval")
    cells = []
    for name, shares in rows.items():
        each = ", ".join(f"{100 * share:.1f}" for share in shares)
        more = [share - other for share, other in zip(shares, first, strict=True)]
        cells.append((name, *_with_interval(shares), each, *(("", "") if name == first_name else _with_interval(more))))
    return markdown_table(headers, cells, align="lrllrl")


def _with_interval(shares: Sequence[float]) -> tuple[str, str]:
    """Mean and interval, in percent."""
    mean, reach = mean_and_reach(shares)
    return f"{100 * mean:.1f}", f"{100 * (mean - reach):.1f} to {100 * (mean + reach):.1f}"


def draw_plot(rows: Mapping[str, Sequence[float]], title: str, path: Path) -> None:
    """Writes a plot with a bar and an interval for each variant, and a dot for each seed."""
    # Heavy, and only this function needs it.
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot

    names = list(rows)
    means, reaches = zip(*(mean_and_reach(shares) for shares in rows.values()), strict=True)
    figure, axes = pyplot.subplots(figsize=(1.4 + 1.3 * len(names), 3.6), layout="constrained")
    axes.bar(names, means, yerr=reaches, capsize=4, color="#8fb0d0")
    for place, shares in enumerate(rows.values()):
        axes.plot([place] * len(shares), shares, "o", color="#1f3c5c", markersize=4)
    axes.set(title=title, ylabel="share of correct answers", ylim=(0, 1))
    axes.tick_params(axis="x", rotation=20)
    figure.savefig(path, dpi=120)
    pyplot.close(figure)
