"""Draws frames of a video from its ground truth: (SIDE, SIDE, 3) uint8 RGB arrays."""

from collections.abc import Callable
from functools import cache

import numpy as np

from .ground_truth import FADE_SECONDS, FRAMES_PER_SECOND, Scene, Video, WorldObject
from .vocabulary import BACKGROUND_COLOURS, MOTIONS, OBJECT_COLOURS


SIDE = 64  # pixels
# For each lane, as shares of SIDE: its center row, the radius of its shape, and how far the shape moves from the center
# along columns and rows.
LANES = {
    "whole": (0.5, 0.22, (0.27, 0.27)),
    "top": (0.26, 0.17, (0.32, 0.08)),
    "bottom": (0.74, 0.17, (0.32, 0.08)),
}
ROWS, COLUMNS = (np.mgrid[:SIDE, :SIDE] + 0.5) / SIDE
# Which points a shape covers. x and y are distances to the right of the shape's center and below it, in radii.
COVERED_BY: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "circle": lambda x, y: np.hypot(x, y) < 1,
    "ring": lambda x, y: ((distance := np.hypot(x, y)) < 1) & (distance > 0.55),
    "square": lambda x, y: np.maximum(abs(x), abs(y)) < 0.85,
    "triangle": lambda x, y: (y < 0.8) & (abs(x) < (y + 1) * 0.55),
    "cross": lambda x, y: (np.minimum(abs(x), abs(y)) < 0.3) & (np.maximum(abs(x), abs(y)) < 1),
}


def draw_frame(video: Video, seconds: float) -> np.ndarray:
    """Draws the frame at a time in [0, duration)."""
    scene = video.scene_at(seconds)
    picture = _draw_scene(scene, seconds)
    progress = (seconds - scene.start_seconds) / FADE_SECONDS
    if scene.transition == "fade" and progress < 1:
        previous = video.scenes[video.scenes.index(scene) - 1]
        before = _draw_scene(previous, previous.end_seconds - 1 / FRAMES_PER_SECOND)
        picture = progress * picture + (1 - progress) * before
    return np.rint(picture).astype(np.uint8)


def center_of(item: WorldObject, seconds: float) -> tuple[float, float]:
    """The column and row of an object's center, as shares of the picture. An object crosses its lane exactly once."""
    center_row, _, reach = LANES[item.lane]
    along = 2 * (seconds - item.enter_seconds) / (item.leave_seconds - item.enter_seconds) - 1  # from -1 to 1
    column_step, row_step = MOTIONS[item.motion]
    return 0.5 + along * column_step * reach[0], center_row + along * row_step * reach[1]


def _draw_scene(scene: Scene, seconds: float) -> np.ndarray:
    picture = _draw_background(scene.background, scene.texture).copy()
    for item in scene.objects:
        if item.enter_seconds <= seconds < item.leave_seconds:
            picture[_covered_by(item, seconds)] = OBJECT_COLOURS[item.colour]
    return picture


@cache
def _draw_background(name: str, texture: str) -> np.ndarray:
    """(SIDE, SIDE, 3) float: a color with lighter marks, or with darker ones if the color is light."""
    color = np.array(BACKGROUND_COLOURS[name], dtype=float)
    color_of_marks = color + (40 if color.mean() < 128 else -40)
    marks = {
        "plain": np.zeros_like(ROWS, dtype=bool),
        "striped": (COLUMNS * 8) % 1 < 0.4,
        "dotted": ((COLUMNS * 6) % 1 - 0.5) ** 2 + ((ROWS * 6) % 1 - 0.5) ** 2 < 0.08,
    }[texture]
    return np.where(marks[..., None], color_of_marks, color)


def _covered_by(item: WorldObject, seconds: float) -> np.ndarray:
    """(SIDE, SIDE) bool: the pixels that an object covers."""
    column, row = center_of(item, seconds)
    radius = LANES[item.lane][1]
    return COVERED_BY[item.shape]((COLUMNS - column) / radius, (ROWS - row) / radius)
