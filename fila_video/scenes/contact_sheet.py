"""The contact sheet: every scene a card, drawn with Pillow."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from .clock import clock, time_ticks
from .colors import CARD, GRAY, INK, LINE, PAPER, cluster_color, text_color
from .selected_scenes import Scene, SelectedScenes
from .timeline_layout import length_of, time_positions


# Pixels. A sheet is meant to be shown at half its size.
SHEET_WIDTH = 2100
SMALLEST_WIDTH = 900
MARGIN, GAP, PADDING, RADIUS = 40, 20, 14, 12
SPACE = 6  # between the pictures of a card
HEADER_HEIGHT, RIBBON_HEIGHT = 210, 34
TITLE_HEIGHT = 46
REPRESENTATIVE_AREA = 300 * 169
PER_STACK = 2  # supplements above each other

Box = tuple[int, int, int, int]  # left, top, right, bottom


@dataclass(frozen=True)
class CardSize:
    """Sizes of a card and the pictures in it, in pixels."""

    representative: tuple[int, int]  # width, height
    supplement: tuple[int, int]
    num_stacks: int

    @property
    def width(self) -> int:
        return 2 * PADDING + self.representative[0] + self.num_stacks * (SPACE + self.supplement[0])

    @property
    def height(self) -> int:
        return TITLE_HEIGHT + self.representative[1] + PADDING


def draw_contact_sheet(scenes: SelectedScenes, columns: int | None = None) -> Image.Image:
    """Draws the contact sheet. See `VideoScenes.contact_sheet`."""
    if columns is not None and columns < 1:
        raise ValueError(f"columns={columns} must be at least 1.")
    size = card_size(scenes)
    columns = columns or balanced_columns(len(scenes.scenes), size.width)
    rows = math.ceil(len(scenes.scenes) / columns)
    width = max(2 * MARGIN + columns * (size.width + GAP) - GAP, SMALLEST_WIDTH)
    height = HEADER_HEIGHT + rows * (size.height + GAP) - GAP + MARGIN
    sheet = Image.new("RGB", (width, height), PAPER)
    draw = ImageDraw.Draw(sheet)
    _draw_header(draw, scenes, width)
    for scene in scenes.scenes:
        row, column = divmod(scene.number, columns)
        corner = MARGIN + column * (size.width + GAP), HEADER_HEIGHT + row * (size.height + GAP)
        _draw_card(sheet, draw, scenes, scene, size, corner)
    return sheet


def card_size(scenes: SelectedScenes) -> CardSize:
    """Chooses the sizes by the shape of the video: all representatives cover the same area."""
    height, width = scenes.thumbnails.shape[1:3]
    ratio = min(max(width / height, 0.25), 4)  # pictures of extreme shape are fitted into these bounds
    large = round(math.sqrt(REPRESENTATIVE_AREA * ratio)), round(math.sqrt(REPRESENTATIVE_AREA / ratio))
    small_height = (large[1] - (PER_STACK - 1) * SPACE) // PER_STACK
    most = max(len(scene.supplements) for scene in scenes.scenes)
    return CardSize(large, (round(small_height * ratio), small_height), math.ceil(most / PER_STACK))


def balanced_columns(num_scenes: int, card_width: int) -> int:
    """Returns the number of columns that fit into a sheet, so that the rows are about equally long."""
    most = max((SHEET_WIDTH - 2 * MARGIN + GAP) // (card_width + GAP), 1)
    rows = math.ceil(num_scenes / most)
    return math.ceil(num_scenes / rows)


def _draw_header(draw: ImageDraw.ImageDraw, scenes: SelectedScenes, width: int) -> None:
    inner = width - 2 * MARGIN
    draw.text((MARGIN, MARGIN - 8), fitted(scenes.name, 40, inner), INK, font=_font(40))
    draw.text((MARGIN, MARGIN + 46), fitted(scenes.summary, 24, inner), GRAY, font=_font(24))
    _draw_ribbon(draw, scenes, (MARGIN, MARGIN + 92, width - MARGIN, MARGIN + 92 + RIBBON_HEIGHT))


def _draw_ribbon(draw: ImageDraw.ImageDraw, scenes: SelectedScenes, box: Box) -> None:
    """Draws the time axis: the sampled frames in the colors of their clusters, the representatives in full height."""
    left, top, right, bottom = box
    places = [left + position * (right - left) for position in time_positions(scenes)]
    ends = [*places[1:], right]
    draw.rectangle((left, top + 10, right, bottom), fill=LINE)
    for place, end, cluster in zip(places, ends, scenes.clusters.tolist(), strict=True):
        draw.rectangle((place, top + 10, max(end - 1, place), bottom), fill=cluster_color(cluster))
    for scene in scenes.scenes:
        place = places[scene.representative]
        draw.polygon([(place - 7, top - 4), (place + 7, top - 4), (place, top + 8)], fill=INK)
    for seconds, text in time_ticks(length_of(scenes)):
        place = left + seconds / length_of(scenes) * (right - left)
        draw.line((place, bottom, place, bottom + 6), fill=GRAY, width=2)
        anchor = "la" if place < left + 30 else "ra" if place > right - 30 else "ma"
        draw.text((place, bottom + 9), text, GRAY, font=_font(19), anchor=anchor)


def _draw_card(
    sheet: Image.Image,
    draw: ImageDraw.ImageDraw,
    scenes: SelectedScenes,
    scene: Scene,
    size: CardSize,
    corner: tuple[int, int],
) -> None:
    left, top = corner
    draw.rounded_rectangle((left, top, left + size.width, top + size.height), RADIUS, fill=CARD, outline=LINE, width=2)
    chip = (left + PADDING, top + 10, left + PADDING + 42, top + 38)
    color = cluster_color(scene.number)
    draw.rounded_rectangle(chip, 7, fill=color)
    middle = (chip[0] + chip[2]) / 2, (chip[1] + chip[3]) / 2
    draw.text(middle, str(scene.number + 1), text_color(color), font=_font(21), anchor="mm")
    time = clock(scenes.frame_seconds[scene.representative])
    draw.text((chip[2] + 12, top + 25), time, INK, font=_font(27), anchor="lm")
    for frame, box in _places(scene, size, (left + PADDING, top + TITLE_HEIGHT)):
        _paste(sheet, scenes.thumbnails[frame], box)
        if frame != scene.representative:
            _draw_label(draw, clock(scenes.frame_seconds[frame]), box)


def _places(scene: Scene, size: CardSize, corner: tuple[int, int]) -> Iterator[tuple[int, Box]]:
    """Yields the frames of a scene and where they are drawn."""
    left, top = corner
    width, height = size.representative
    yield scene.representative, (left, top, left + width, top + height)
    small_width, small_height = size.supplement
    for place, frame in enumerate(scene.supplements):
        column, row = divmod(place, PER_STACK)
        x = left + width + SPACE + column * (small_width + SPACE)
        y = top + row * (small_height + SPACE)
        yield frame, (x, y, x + small_width, y + small_height)


def _paste(sheet: Image.Image, picture: np.ndarray, box: Box) -> None:
    """Draws a picture as large as fits into a box, in its middle."""
    width, height = box[2] - box[0], box[3] - box[1]
    scale = min(width / picture.shape[1], height / picture.shape[0])
    size = max(round(picture.shape[1] * scale), 1), max(round(picture.shape[0] * scale), 1)
    image = Image.fromarray(picture).resize(size, Image.Resampling.LANCZOS)
    sheet.paste(image, (box[0] + (width - size[0]) // 2, box[1] + (height - size[1]) // 2))


def _draw_label(draw: ImageDraw.ImageDraw, text: str, box: Box) -> None:
    """Writes a time into the lower left corner of a picture."""
    font = _font(17)
    at = box[0] + 9, box[3] - 15
    left, _, right, _ = draw.textbbox(at, text, font=font, anchor="lm")
    draw.rounded_rectangle((left - 6, at[1] - 12, right + 6, at[1] + 12), 5, fill="#101418")
    draw.text(at, text, "#ffffff", font=font, anchor="lm")


def fitted(text: str, font_size: int, width: int) -> str:
    """Replaces what does not fit into `width` pixels by an ellipsis in the middle, which keeps a file's suffix."""
    text = " ".join(text.split())
    font = _font(font_size)
    if font.getlength(text) <= width:
        return text
    for kept in range(len(text) - 1, 1, -1):
        short = f"{text[: kept - kept // 3]}...{text[len(text) - kept // 3 :]}"
        if font.getlength(short) <= width:
            return short
    return ""


def _font(size: int) -> ImageFont.FreeTypeFont:
    font = ImageFont.load_default(size)
    assert isinstance(font, ImageFont.FreeTypeFont)  # with a size, unless Pillow was built without FreeType
    return font
