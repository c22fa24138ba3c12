"""Colors that people with any color vision can tell apart."""

from collections.abc import Sequence

import numpy as np


# The palette of Okabe and Ito, with gray in place of black. In this order, neighbors differ most for the kind of color
# vision that tells them apart worst; tests/fila_video/scenes/test_colors.py has the measure.
HUES = ("#0072b2", "#8a8f98", "#e69f00", "#009e73", "#d55e00", "#56b4e9", "#f0e442", "#cc79a7")
# How far each further round of the palette moves toward black (negative) or white (positive).
ROUNDS = (0.0, -0.45, 0.5, -0.25)

INK, GRAY, LINE, PAPER, CARD = "#1f2933", "#5b6773", "#d5dbe1", "#f3f5f7", "#ffffff"
# From the lowest to the highest value. The lightness changes evenly, so a gray print can be read too.
SEQUENTIAL = ("#fbfdff", "#c6dbef", "#6baed6", "#2171b5", "#08306b")
# From negative over zero to positive values.
DIVERGING = ("#053061", "#4393c3", "#f7f7f7", "#d6604d", "#67001f")


def to_rgb(color: str) -> tuple[int, int, int]:
    """Turns `#rrggbb` into three numbers from 0 to 255."""
    return int(color[1:3], 16), int(color[3:5], 16), int(color[5:7], 16)


def cluster_color(cluster: int) -> str:
    """Returns the color of a cluster as `#rrggbb`. The first 32 clusters have different colors; then they repeat."""
    rounds, place = divmod(cluster, len(HUES))
    shift = ROUNDS[rounds % len(ROUNDS)]
    target = 255 if shift > 0 else 0
    mixed = (round(part + (target - part) * abs(shift)) for part in to_rgb(HUES[place]))
    return "#" + "".join(f"{part:02x}" for part in mixed)


def text_color(background: str) -> str:
    """Returns black or white, whichever has the higher contrast on this background (WCAG 2)."""
    parts = (part / 255 for part in to_rgb(background))
    red, green, blue = (part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    luminance = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    return "#ffffff" if 1.05 / (luminance + 0.05) > (luminance + 0.05) / 0.05 else "#000000"


def paint(values: np.ndarray, colors: Sequence[str], low: float, high: float) -> np.ndarray:
    """Maps numbers to colors.

    Args:
        values: Shape (height, width).
        colors: At least two colors, spread evenly from `low` to `high`.
        low: Value of the first color.
        high: Value of the last color; larger than `low`.

    Returns:
        Shape (height, width, 3), uint8.
    """
    stops = np.array([to_rgb(color) for color in colors])
    places = np.clip((values - low) / (high - low), 0, 1) * (len(stops) - 1)
    channels = [np.interp(places, np.arange(len(stops)), stop) for stop in stops.T]
    return np.stack(channels, axis=-1).round().astype(np.uint8)
