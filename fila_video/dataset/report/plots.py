"""Plots the two distributions of the paper's Figure 3 (`pip install fila-video[dataset]`)."""

from collections.abc import Sequence
from pathlib import Path

from fila_video.common.files import written_whole

from .summary import PAPER, DatasetSummary, mean


BAR, LINE, PAPER_LINE = "#4878a8", "#1a1a1a", "#c8553d"
MAX_BINS = 25


def write_plots(summary: DatasetSummary, folder: Path) -> list[Path]:
    """Writes the histograms duration.png and caption_words.png.

    Returns:
        The paths of the two files.

    Raises:
        ImportError: If matplotlib is not installed.
    """
    minutes = [seconds / 60 for seconds in summary.seconds]
    plots: dict[str, tuple[Sequence[float], float, str, str]] = {
        "duration.png": (minutes, PAPER["mean_seconds"] / 60, "duration (minutes)", "Duration of the long videos"),
        "caption_words.png": (summary.words, PAPER["mean_words"], "words", "Length of the captions"),
    }
    for name, (values, paper_mean, label, title) in plots.items():
        with written_whole(folder / name) as part:
            _draw(part, values, paper_mean, label, f"{title}: {summary.name}, n = {summary.num_videos:,}")
    return [folder / name for name in plots]


def _draw(path: Path, values: Sequence[float], paper_mean: float, label: str, title: str) -> None:
    try:
        # Imported here because matplotlib is optional and slow to import.
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError("Plots need matplotlib, which is not installed: pip install fila-video[dataset]") from error
    figure = Figure(figsize=(7, 4), dpi=150, layout="constrained")
    axes = figure.add_subplot()
    axes.hist(values, bins=min(MAX_BINS, max(len(set(values)), 1)), color=BAR, edgecolor="white", linewidth=0.6)
    shown = axes.get_xlim()
    for place, color, style, name in (
        (mean(values), LINE, "-", "average"),
        (paper_mean, PAPER_LINE, "--", "average of the paper's set"),
    ):
        label_of_line = f"{name}: {place:,.1f}{'' if shown[0] <= place <= shown[1] else ' (outside)'}"
        axes.axvline(place, color=color, linestyle=style, linewidth=1.4, label=label_of_line)
    axes.set(xlim=shown, xlabel=label, ylabel="videos", title=title)
    axes.locator_params(axis="y", integer=True)
    axes.spines[["top", "right"]].set_visible(False)
    figure.legend(loc="outside lower center", ncols=2, frameon=False)
    figure.savefig(path, format="png", metadata={"Software": None})
