"""Where the parts of a timeline are, whatever draws them: `charts` as SVG, `figures` with matplotlib.

Positions along the time axis run from 0 to 1. In a drawing, x runs from 0 to `WIDTH` and y from 0 downward.
"""

import math
from dataclasses import dataclass

from .clock import time_ticks
from .selected_scenes import SelectedScenes


PICTURES_PER_ROW, MAX_ROWS = 12, 4
# About one pixel each.
WIDTH, EDGE, GAP = 1000, 8, 6
MAX_PICTURE_HEIGHT = 120
LEADS, BAND, DOTS, UNIFORM, AXIS = 24, 34, 22, 22, 30  # heights of what is below the pictures


@dataclass(frozen=True)
class Picture:
    """The picture of a representative, and the line from it to its time."""

    number: int  # of the scene
    frame: int
    left: float
    top: float
    width: float
    height: float
    lead: tuple[tuple[float, float], tuple[float, float]]  # two points (x, y)


@dataclass(frozen=True)
class TimelineLayout:
    """
    The parts of a timeline.

    Attributes:
        pictures: Representatives, in time order.
        bars: For each sampled frame the left and right end of its bar.
        band: Top and bottom of the bars.
        representatives, supplements, uniform: x of the marks.
        uniform_y: y of the marks for uniform selection.
        ticks: x and text of the ticks of the axis.
        axis_y: y of the axis.
        height: Height of the drawing.
    """

    pictures: list[Picture]
    bars: list[tuple[float, float]]
    band: tuple[float, float]
    representatives: list[float]
    supplements: list[float]
    uniform: list[float]
    uniform_y: float
    ticks: list[tuple[float, str]]
    axis_y: float
    height: float


def lay_out_timeline(scenes: SelectedScenes) -> TimelineLayout:
    """Finds the place of every part."""
    xs = [_x(position) for position in time_positions(scenes)]
    pictures, top = _lay_out_pictures(scenes, xs)
    axis_y = top + BAND + DOTS + UNIFORM
    length = length_of(scenes)
    return TimelineLayout(
        pictures=pictures,
        bars=list(zip(xs, [*xs[1:], _x(1)], strict=True)),
        band=(top, top + BAND),
        representatives=[xs[scene.representative] for scene in scenes.scenes],
        supplements=[xs[frame] for scene in scenes.scenes for frame in scene.supplements],
        uniform=[xs[frame] for frame in scenes.uniform.tolist()],
        uniform_y=top + BAND + DOTS + UNIFORM / 2,
        ticks=[(_x(seconds / length), text) for seconds, text in time_ticks(length)],
        axis_y=axis_y,
        height=axis_y + AXIS,
    )


def time_positions(scenes: SelectedScenes) -> list[float]:
    """Returns the position of each sampled frame on the axis, from 0 to 1."""
    return [seconds / length_of(scenes) for seconds in scenes.frame_seconds.tolist()]


def length_of(scenes: SelectedScenes) -> float:
    """Returns the length of the axis in seconds, which is positive also for a single picture."""
    return max(scenes.duration_seconds, float(scenes.frame_seconds[-1])) or 1.0


def picture_slots(num_pictures: int) -> tuple[int, list[tuple[int, float, float]]]:
    """Distributes pictures over rows, so that their order in time stays visible.

    Returns:
        The number of rows, and for each picture its row, counted from the axis upward, and the left and right edge of
        its slot, from 0 to 1. The slots of a row do not overlap.
    """
    rows = min(math.ceil(num_pictures / PICTURES_PER_ROW), MAX_ROWS)
    width = 1 / (math.ceil(num_pictures / rows) + (rows - 1) / rows)
    slots = []
    for place in range(num_pictures):
        column, row = divmod(place, rows)
        left = (column + row / rows) * width
        slots.append((row, left, left + width))
    return rows, slots


def _x(position: float) -> float:
    return EDGE + position * (WIDTH - 2 * EDGE)


def _lay_out_pictures(scenes: SelectedScenes, xs: list[float]) -> tuple[list[Picture], float]:
    """Returns the pictures, and where the bars begin below them."""
    height, width = scenes.thumbnails.shape[1:3]
    rows, slots = picture_slots(len(scenes.scenes))
    slot_width = (slots[0][2] - slots[0][1]) * (WIDTH - 2 * EDGE) - GAP
    scale = min(slot_width / width, MAX_PICTURE_HEIGHT / height)
    width, height = width * scale, height * scale
    top = rows * (height + GAP) + LEADS
    pictures = []
    for scene, (row, left, right) in zip(scenes.scenes, slots, strict=True):
        middle, y = _x((left + right) / 2), (rows - 1 - row) * (height + GAP) + 2
        lead = (middle, y + height), (xs[scene.representative], top - 9)
        pictures.append(
            Picture(scene.number, scene.representative, middle - width / 2, y, width, height, lead),
        )
    return pictures, top
