"""Draws clips for the demos: scenes that anyone can tell apart."""

from collections.abc import Sequence
from pathlib import Path

import av
import numpy as np


FRAMES_PER_SECOND = 10
HEIGHT, WIDTH = 240, 320
Colour = tuple[int, int, int]
# A scene is its length in seconds, its background, and the colour of the disc that crosses it.
Scene = tuple[float, Colour, Colour]
SCENES: Sequence[Scene] = (
    (4.0, (200, 60, 50), (255, 255, 255)),
    (1.5, (40, 90, 200), (250, 220, 60)),
    (5.0, (50, 150, 80), (30, 30, 30)),
    (2.5, (235, 225, 200), (150, 50, 170)),
)


def draw_clip(path: Path, scenes: Sequence[Scene] = SCENES) -> None:
    """Writes an MP4; by default one of 13 seconds and four scenes of unequal length."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=FRAMES_PER_SECOND)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for seconds, background, colour in scenes:
            count = round(seconds * FRAMES_PER_SECOND)
            for number in range(count):
                picture = draw_frame(background, colour, progress=number / count)
                container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())


def draw_frame(background: Colour, colour: Colour, *, progress: float) -> np.ndarray:
    """A picture (HEIGHT, WIDTH, 3), uint8 RGB: a disc that is so far on its way from left to right, from 0 to 1."""
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    centre_row, centre_column, radius = HEIGHT / 2, WIDTH * (0.1 + 0.8 * progress), HEIGHT / 5
    is_disc = (rows - centre_row) ** 2 + (columns - centre_column) ** 2 < radius**2
    return np.where(is_disc[..., None], colour, background).astype(np.uint8)
