"""Tables and plots of ablations: means over seeds, with t intervals."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np


# Student's t, two-sided 95 %, by degrees of freedom.
T_95 = {1: 12.706, 2: 4.303, 3: 3.182, 4: 2.776, 5: 2.571, 6: 2.447, 7: 2.365, 8: 2.306, 9: 2.262}


def mean_and_reach(shares: Sequence[float]) -> tuple[float, float]:
    """
    Mean over seeds, and how far its 95 % interval reaches either way.

    Raises:
        ValueError: fewer than two seeds, or more than ten.
    """
    freedom = len(shares) - 1
    if freedom not in T_95:
        raise ValueError(f"{len(shares)} seeds: an interval needs 2 to 10.")
    return float(np.mean(shares)), T_95[freedom] * float(np.std(shares, ddof=1)) / math.sqrt(len(shares))


def as_table(rows: Mapping[str, Sequence[float]]) -> str:
    """
    Markdown: the share right of each row in percent, and of each seed; and the difference to the first row in points,
    seed by seed, which says more than the intervals of two rows, as a seed does well or badly in all of them.
    """
    first_name, first = next(iter(rows.items()))
    lines = [
        f"| | right, % | 95 % interval | seeds | more than {first_name}, points | 95 % interval |",
        "| --- | ---: | --- | --- | ---: | --- |",
    ]
    for name, shares in rows.items():
        each = ", ".join(f"{100 * share:.1f}" for share in shares)
        more = [share - other for share, other in zip(shares, first, strict=True)]
        difference = "| |" if name == first_name else "{} | {} |".format(*_with_interval(more))
        mean, interval = _with_interval(shares)
        lines.append(f"| {name} | {mean} | {interval} | {each} | {difference}")
    return "\n".join(lines)


def _with_interval(shares: Sequence[float]) -> tuple[str, str]:
    """Mean and interval, in percent."""
    mean, reach = mean_and_reach(shares)
    return f"{100 * mean:.1f}", f"{100 * (mean - reach):.1f} to {100 * (mean + reach):.1f}"


def draw(rows: Mapping[str, Sequence[float]], title: str, path: Path) -> None:
    """A picture: a bar for each row, its interval, and a dot for each seed."""
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot

    names = list(rows)
    means, reaches = zip(*(mean_and_reach(shares) for shares in rows.values()), strict=True)
    figure, axes = pyplot.subplots(figsize=(1.4 + 1.3 * len(names), 3.6), layout="constrained")
    axes.bar(names, means, yerr=reaches, capsize=4, color="#8fb0d0")
    for place, shares in enumerate(rows.values()):
        axes.plot([place] * len(shares), shares, "o", color="#1f3c5c", markersize=4)
    axes.set(title=title, ylabel="share of right answers", ylim=(0, 1))
    axes.tick_params(axis="x", rotation=20)
    figure.savefig(path, dpi=120)
    pyplot.close(figure)
