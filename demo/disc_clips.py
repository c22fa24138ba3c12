"""Draws the images and clips of the training demo: discs of different colors that cross scenes of other colors."""

from collections.abc import Sequence
from pathlib import Path

import av
import numpy as np


FRAMES_PER_SECOND = 10
HEIGHT, WIDTH = 240, 320
Color = tuple[int, int, int]
# Length in seconds, color of the background, color of the disc.
DiscScene = tuple[float, Color, Color]


def write_disc_clip(path: Path, scenes: Sequence[DiscScene]) -> None:
    """Writes an MP4 with these scenes, one after the other."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=FRAMES_PER_SECOND)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for seconds, background, disc in scenes:
            count = round(seconds * FRAMES_PER_SECOND)
            for number in range(count):
                picture = disc_picture(background, disc, progress=number / count)
                container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())


def disc_picture(background: Color, disc: Color, *, progress: float) -> np.ndarray:
    """
    Draws a disc on a background.

    Args:
        background: Color of the background, RGB.
        disc: Color of the disc, RGB.
        progress: Position of the disc on its way from left to right, from 0 to 1.

    Returns:
        A picture `(HEIGHT, WIDTH, 3)`, uint8 RGB.
    """
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    center_row, center_column, radius = HEIGHT / 2, WIDTH * (0.1 + 0.8 * progress), HEIGHT / 5
    is_disc = (rows - center_row) ** 2 + (columns - center_column) ** 2 < radius**2
    return np.where(is_disc[..., None], disc, background).astype(np.uint8)
