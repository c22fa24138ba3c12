"""Timeline, similarity matrix and merging weights as matplotlib figures. Importing this loads matplotlib."""

from typing import Any

import torch
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from fila_video.common.figures import NotebookFigure
from fila_video.training.model.merging_weights import merging_weights_figure

from .charts import scene_spans, similarity_range
from .clock import clock
from .colors import GRAY, INK, LINE, SEQUENTIAL, cluster_color
from .contact_sheet import fitted
from .selected_scenes import SelectedScenes
from .timeline_layout import EDGE, WIDTH, TimelineLayout, lay_out_timeline


UNITS_PER_INCH = 85
TITLE_HEIGHT = 34  # in units of the layout


def draw_timeline(scenes: SelectedScenes) -> Figure:
    """Draws the timeline. See `VideoScenes.timeline`."""
    layout = lay_out_timeline(scenes)
    height = layout.height + TITLE_HEIGHT + 26
    figure = NotebookFigure(figsize=(WIDTH / UNITS_PER_INCH, height / UNITS_PER_INCH), dpi=120)
    axes = figure.add_axes((0, 0, 1, 1))
    title = f"{fitted(scenes.name, 20, 700)}: {scenes.summary}"
    axes.text(EDGE, -TITLE_HEIGHT / 2, title, size=10, color=INK, va="center", parse_math=False)
    _draw_pictures(axes, scenes, layout)
    _draw_frames(axes, scenes, layout)
    _draw_axis(axes, layout)
    axes.set(xlim=(0, WIDTH), ylim=(layout.height + 26, -TITLE_HEIGHT), aspect="auto")
    axes.axis("off")
    return figure


def _draw_pictures(axes: Axes, scenes: SelectedScenes, layout: TimelineLayout) -> None:
    for picture in layout.pictures:
        right, bottom = picture.left + picture.width, picture.top + picture.height
        axes.plot(*zip(*picture.lead, strict=True), color=GRAY, lw=0.6, zorder=1)
        axes.imshow(scenes.thumbnails[picture.frame], extent=(picture.left, right, bottom, picture.top), zorder=2)
        box = Rectangle((picture.left, picture.top), picture.width, picture.height, fill=False, zorder=3)
        box.set(edgecolor=cluster_color(picture.number), linewidth=2)
        axes.add_patch(box)


def _draw_frames(axes: Axes, scenes: SelectedScenes, layout: TimelineLayout) -> None:
    """Draws the bars of the sampled frames, and the marks of those that were selected."""
    top, bottom = layout.band
    lefts, widths = [left for left, _ in layout.bars], [max(right - left - 1, 1) for left, right in layout.bars]
    colors = [cluster_color(cluster) for cluster in scenes.clusters.tolist()]
    axes.bar(lefts, bottom - top, widths, bottom=top, align="edge", color=colors, label="_frames")
    marks: dict[str, Any] = {"linestyle": "none", "color": INK, "clip_on": False}
    count = len(layout.representatives)
    axes.plot(layout.representatives, [top - 5] * count, marker="v", ms=6, label="representative", **marks)
    axes.plot(
        layout.supplements, [bottom + 7] * len(layout.supplements), marker="o", ms=3.5, label="supplement", **marks
    )
    axes.axhline(layout.uniform_y, color=LINE, lw=1, zorder=0)
    uniform, label = {**marks, "color": GRAY}, "what uniform selection would choose"
    axes.plot(layout.uniform, [layout.uniform_y] * count, marker="D", ms=6, label=label, **uniform)
    axes.legend(loc="lower left", ncols=3, frameon=False, fontsize=9, labelcolor=GRAY, borderaxespad=0.1)


def _draw_axis(axes: Axes, layout: TimelineLayout) -> None:
    axes.plot((EDGE, WIDTH - EDGE), (layout.axis_y, layout.axis_y), color=GRAY, lw=0.8)
    for x, text in layout.ticks:
        axes.plot((x, x), (layout.axis_y, layout.axis_y + 5), color=GRAY, lw=0.8)
        side = "left" if x < 40 else "right" if x > WIDTH - 40 else "center"
        axes.text(x, layout.axis_y + 8, text, size=9, color=GRAY, ha=side, va="top")


def draw_similarity(scenes: SelectedScenes) -> Figure:
    """Draws the similarity matrix. See `VideoScenes.similarity`."""
    figure = NotebookFigure(figsize=(6.6, 5.8), dpi=120, layout="constrained")
    axes = figure.subplots()
    colors = LinearSegmentedColormap.from_list("similarity", list(SEQUENTIAL))
    low, high = similarity_range(scenes)
    image = axes.imshow(scenes.similarities, cmap=colors, vmin=low, vmax=high, interpolation="nearest")
    for first, last in scene_spans(scenes):
        box = Rectangle((first - 0.5, first - 0.5), last - first + 1, last - first + 1, fill=False)
        box.set(edgecolor="#d55e00", linewidth=1.2)
        axes.add_patch(box)
    end = scenes.num_frames - 0.5
    above = [-0.018 * scenes.num_frames - 0.5] * len(scenes.representatives)
    axes.plot(scenes.representatives, above, linestyle="none", marker="v", ms=5, color=INK, clip_on=False)
    axes.set(xlim=(-0.5, end), ylim=(end, -0.5))
    step = max(scenes.num_frames // 6, 1)
    places = range(0, scenes.num_frames, step)
    texts = [clock(scenes.frame_seconds[place]) for place in places]
    axes.set_xticks(places, texts)
    axes.set_yticks(places, texts)
    title = f"{fitted(scenes.name, 20, 400)}: similarity of {scenes.num_frames} frames"
    axes.set_title(title, size=10, pad=14, parse_math=False)
    axes.set_xlabel("squares: scenes; triangles: representatives")
    figure.colorbar(image, ax=axes, label="cosine similarity")
    return figure


def draw_weights(scenes: SelectedScenes) -> Figure:
    """Draws the merging weights. See `VideoScenes.merging_weights`."""
    assert scenes.merging_weight is not None
    return merging_weights_figure(torch.from_numpy(scenes.merging_weight))
