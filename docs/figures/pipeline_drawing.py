"""The drawing of `pipeline.py`. One unit is one pixel at GitHub's width."""

from pathlib import Path

import matplotlib


matplotlib.use("Agg")

import matplotlib.pyplot as plt  # noqa: E402
import numpy as np  # noqa: E402
from matplotlib.axes import Axes  # noqa: E402
from matplotlib.patches import FancyBboxPatch, Rectangle  # noqa: E402


WIDTH, HEIGHT = 880, 540
PANEL_WIDTH, PANEL_HEIGHT, GAP = 196, 240, 24
TOP, BOTTOM = 288, 12  # lower edges of the two rows of panels
LIFT = 13  # pictures are drawn this much above the lower edge of their panel
INK, GRAY, LINE = "#1f2933", "#66727f", "#9aa5b1"
BEFORE_MODEL, MODEL = "#fdf6e7", "#eef4fb"  # panels of processing_fila and of modeling_fila
SCENES = ("#d1603d", "#3b7dbd", "#4d9a5b", "#8a62b0")
# The scene of each of the twelve frames that stand for the 96 sampled ones: scenes are of unequal length.
SCENE_OF_FRAME = (0, 0, 0, 1, 1, 1, 1, 1, 2, 2, 2, 3)


def panel(axes: Axes, x: float, y: float, title: str, text: str, files: str, *, color: str, columns: int = 1) -> None:
    """A titled box: room for a picture above, then what happens in it, then where its code is."""
    width = columns * PANEL_WIDTH + (columns - 1) * GAP
    shape = FancyBboxPatch((x, y), width, PANEL_HEIGHT, boxstyle="round,pad=0,rounding_size=9", fc=color, ec=LINE)
    axes.add_patch(shape)
    axes.text(x + 12, y + PANEL_HEIGHT - 13, title, size=13.5, weight="bold", color=INK, va="top")
    axes.text(x + 12, y + 106, text, size=11, color=INK, va="top", linespacing=1.35)
    axes.text(x + 12, y + 10, files, size=9, color=GRAY, va="bottom", family="monospace", linespacing=1.3)


def arrow(axes: Axes, *points: tuple[float, float]) -> None:
    """A line through the points, with a head at the last one."""
    for start, end in zip(points[:-2], points[1:-1], strict=True):
        axes.plot(*zip(start, end, strict=True), color=INK, lw=1.6, solid_capstyle="round")
    style = {"arrowstyle": "-|>", "color": INK, "lw": 1.6, "shrinkA": 0, "shrinkB": 0, "mutation_scale": 13}
    axes.annotate("", xy=points[-1], xytext=points[-2], arrowprops=style)


def box(axes: Axes, x: float, y: float, width: float, height: float, color: str, **style) -> None:
    axes.add_patch(Rectangle((x, y), width, height, fc=color, **{"ec": "white", "lw": 0.8, **style}))


def patch_grid(axes: Axes, x: float, y: float, side: float, colors: list[str], *, cells: int = 4) -> None:
    """A feature map: a square of patches in shades of one color, or of several where maps were merged."""
    shades = np.random.default_rng(7).uniform(0.45, 1, size=(cells, cells))
    for row in range(cells):
        for column in range(cells):
            color = colors[(row + column) % len(colors)]
            size = side / cells
            place = (x + column * size, y + row * size)
            axes.add_patch(Rectangle(place, size, size, fc=color, alpha=shades[row, column], ec="white", lw=0.8))
    axes.add_patch(Rectangle((x, y), side, side, fc="none", ec=INK, lw=0.9))


def frame_strip(axes: Axes, x: float, y: float, *, chosen: tuple[int, ...] = (), size: float = 13.2) -> None:
    """The sampled frames in time order; representatives have a dark edge."""
    for place, scene in enumerate(SCENE_OF_FRAME):
        edge = {"ec": INK, "lw": 1.8, "zorder": 3} if place in chosen else {}
        box(axes, x + place * (size + 1.2), y, size, size, SCENES[scene], **edge)


def draw_reading(axes: Axes, x: float, y: float) -> None:
    """A film strip with scenes of unequal length, and the frames that are sampled from it."""
    film = y + 160
    box(axes, x + 12, film - 5, 172, 30, INK, ec=INK)
    left = x + 12
    for scene in range(len(SCENES)):
        width = 172 * SCENE_OF_FRAME.count(scene) / len(SCENE_OF_FRAME)
        box(axes, left, film, width, 20, SCENES[scene], lw=0)
        left += width
    for hole in range(22):
        for edge in (film - 3.7, film + 21.3):
            box(axes, x + 15 + hole * 7.8, edge, 3.4, 2.4, "white", lw=0)
    for place in range(len(SCENE_OF_FRAME)):
        center = x + 12 + place * 14.4 + 6.6
        axes.plot([center, center], [film - 9, y + 126], color=LINE, lw=0.9)
    frame_strip(axes, x + 12, y + 110)


def draw_tower(axes: Axes, x: float, y: float) -> None:
    for place, scene in enumerate((0, 0, 1, 2, 3)):
        patch_grid(axes, x + 26 + place * 22, y + 108 + place * 5, 54, [SCENES[scene]])


def draw_selection(axes: Axes, x: float, y: float) -> None:
    """Clusters of frames with the member nearest to each center, and the same frames in time order."""
    rng = np.random.default_rng(3)
    for (center_x, center_y), color in zip(((34, 152), (82, 175), (124, 148), (166, 172)), SCENES, strict=True):
        points = rng.normal((x + center_x, y + center_y), 6, size=(9, 2))
        axes.scatter(*points.T, s=17, color=color, alpha=0.75, linewidths=0)
        axes.scatter(x + center_x, y + center_y, s=48, color=color, edgecolors=INK, linewidths=1.8, zorder=3)
    frame_strip(axes, x + 12, y + 107, chosen=(2, 6, 9, 11))


def draw_merging(axes: Axes, x: float, y: float) -> None:
    for place, sign in enumerate(("+", "+", "=")):
        patch_grid(axes, x + 12 + place * 46, y + 140, 30, [SCENES[1]], cells=3)
        axes.text(x + 27 + place * 46, y + 121, f"× W$_{place + 1}$", size=11, color=INK, ha="center")
        axes.text(x + 50 + place * 46, y + 155, sign, size=13, color=INK, ha="center", va="center")
    patch_grid(axes, x + 151, y + 138, 34, [SCENES[1]], cells=3)


def draw_projector(axes: Axes, x: float, y: float) -> None:
    patch_grid(axes, x + 14, y + 113, 70, [SCENES[1]], cells=6)
    arrow(axes, (x + 91, y + 148), (x + 119, y + 148))
    patch_grid(axes, x + 127, y + 129, 38, [SCENES[1]], cells=3)
    box(axes, x + 170, y + 129, 12, 12, "#f2c14e", ec=INK)
    axes.text(x + 182, y + 119, "newline", size=9, color=GRAY, ha="right", va="center")


def draw_prompt(axes: Axes, x: float, y: float) -> None:
    for place in range(10):
        color = SCENES[place * 4 // 9] if place < 9 else "#f2c14e"
        box(axes, x + 12 + place * 17.3, y + 172, 14, 14, color, ec=INK)
    sentence = "This video samples 96 frames of\na 9.6-second video at 0.0, 0.1,\n... 9.6 seconds.\nWhat happens?"
    axes.text(x + 12, y + 164, sentence, size=10.5, color=INK, va="top", style="italic", linespacing=1.3)


def draw_language_model(axes: Axes, x: float, y: float) -> None:
    right = x + 2 * PANEL_WIDTH + GAP
    shape = FancyBboxPatch((x + 20, y + 118), 150, 66, boxstyle="round,pad=0,rounding_size=7", fc="white", ec=INK)
    axes.add_patch(shape)
    axes.text(x + 95, y + 151, "Qwen2", size=16, weight="bold", color=INK, ha="center", va="center")
    arrow(axes, (x + 178, y + 151), (x + 212, y + 151))
    answer = FancyBboxPatch((x + 220, y + 118), right - x - 236, 66, boxstyle="round,pad=0,rounding_size=7", fc="white")
    answer.set_edgecolor(LINE)
    axes.add_patch(answer)
    axes.text(x + 232, y + 160, "“A person cuts an onion”", size=11, color=INK, va="center")
    axes.text(x + 232, y + 138, "and the scenes, in seconds", size=11, color=GRAY, va="center")


# Each panel: title, text, files, color, picture. The last one is two columns wide.
TOP_ROW = (
    (
        "Read and sample",
        "96 frames at their real\ntimes, resized while they\nare decoded",
        "processing_fila/\nreader.py  frame_sampling.py",
        BEFORE_MODEL,
        draw_reading,
    ),
    (
        "Vision tower",
        "SigLIP sees every frame:\n27 × 27 patches each",
        "modeling_fila/\nvision_features.py",
        MODEL,
        draw_tower,
    ),
    (
        "Scene selection",
        "k-means finds 32 scenes:\na representative frame and\n2 similar ones (eq. 1–6)",
        "modeling_fila/\nscene_selection.py  kmeans.py",
        MODEL,
        draw_selection,
    ),
    (
        "Scene merging",
        "Learned weights merge the\n3 frames of a scene into\n1 feature map (eq. 7, 8)",
        "modeling_fila/\nscene_merging.py",
        MODEL,
        draw_merging,
    ),
)
BOTTOM_ROW = (
    (
        "Projector, pooling",
        "A 2-layer MLP, then 27 × 27\n→ 14 × 14; a newline token\nat the end",
        "modeling_fila/\nmodeling_fila_video.py\nfeature_maps.py",
        MODEL,
        draw_projector,
    ),
    (
        "Prompt",
        "6,273 visual tokens, the\ntimes of the frames, and\nthe question",
        "processing_fila/\nprocessing_fila_video.py\ntimestamps.py  video_tokens.py",
        BEFORE_MODEL,
        draw_prompt,
    ),
    (
        "Language model",
        "Reads 32 feature maps instead of 96 frames. A video is encoded\n"
        "only once: questions, beams and generated tokens reuse it.",
        "modeling_fila/\nplaceholders.py  video_generation.py\npipeline_fila.py",
        MODEL,
        draw_language_model,
    ),
)


def draw_row(axes: Axes, panels: tuple, left: list[float], y: float) -> None:
    for place, (title, text, files, color, picture) in enumerate(panels):
        columns = len(left) - place if place == len(panels) - 1 else 1
        panel(axes, left[place], y, title, text, files, color=color, columns=columns)
        picture(axes, left[place], y + LIFT)
        if place:
            height = y + PANEL_HEIGHT / 2
            arrow(axes, (left[place] - GAP + 2, height), (left[place] - 2, height))


def draw(output: Path) -> None:
    plt.rcParams.update({"svg.fonttype": "path", "svg.hashsalt": "fila-video", "font.family": "DejaVu Sans"})
    figure = plt.figure(figsize=(WIDTH / 72, HEIGHT / 72), facecolor="white")
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, WIDTH), ylim=(0, HEIGHT))
    axes.axis("off")
    left = [12 + place * (PANEL_WIDTH + GAP) for place in range(4)]
    draw_row(axes, TOP_ROW, left, TOP)
    draw_row(axes, BOTTOM_ROW, left, BOTTOM)
    between = (TOP + BOTTOM + PANEL_HEIGHT) / 2
    end, start = left[3] + PANEL_WIDTH / 2, left[0] + PANEL_WIDTH / 2
    arrow(axes, (end, TOP - 2), (end, between), (start, between), (start, BOTTOM + PANEL_HEIGHT + 1))
    metadata = {"Date": None} if output.suffix == ".svg" else None
    figure.savefig(output, dpi=144, metadata=metadata)
