"""The contact sheet shows every frame of every scene, whatever their number and shape."""

import numpy as np
import pytest

from fila_video.scenes.contact_sheet import balanced_columns, card_size, fitted
from tests.fila_video.scenes.made_scenes import color_of, made_scenes


SHAPES = {"landscape": (45, 80), "portrait": (80, 45), "square": (60, 60), "strip": (8, 320), "column": (320, 8)}


def areas_of(sheet) -> dict[tuple[int, ...], int]:
    """The number of pixels of each color."""
    return {color: count for count, color in sheet.getcolors(maxcolors=sheet.width * sheet.height)}


@pytest.mark.parametrize("shape", ["landscape", "portrait"])
@pytest.mark.parametrize(("num_scenes", "scene_size"), [(1, 1), (1, 3), (5, 3), (16, 2), (32, 3), (64, 1), (3, 8)])
def test_every_frame_is_in_the_sheet(num_scenes, scene_size, shape):
    found = made_scenes(num_scenes, scene_size, SHAPES[shape])
    sheet = found.contact_sheet()
    assert 900 <= sheet.width <= 2100 or scene_size == 8
    areas = areas_of(sheet)
    for scene in found.scenes:
        large = areas[tuple(color_of(scene.representative, found.num_frames).tolist())]
        for frame in scene.supplements:
            # The corner with the time hides a part of a small picture.
            assert large / 2 > areas[tuple(color_of(frame, found.num_frames).tolist())] > large / 10


def test_a_repeated_representative_is_shown_once():
    found = made_scenes(2, 3, scene_frames=np.array([[0, 1, 2], [5, 5, 5]]))
    sheet = found.contact_sheet()
    width, height = card_size(found).representative
    areas = areas_of(sheet)
    assert areas[tuple(color_of(5, 6).tolist())] == width * height
    assert not areas.keys() & {tuple(color_of(frame, 6).tolist()) for frame in (3, 4)}


@pytest.mark.parametrize("shape", SHAPES)
def test_pictures_keep_their_shape(shape):
    height, width = SHAPES[shape]
    found = made_scenes(1, 1, (height, width))
    rows, columns = np.nonzero((np.asarray(found.contact_sheet()) == color_of(0, 1)).all(axis=-1))
    found_height, found_width = np.ptp(rows) + 1, np.ptp(columns) + 1
    assert found_height * found_width == len(rows)  # a rectangle
    assert found_width == pytest.approx(found_height * width / height, abs=max(width / height, 1) / 2 + 1)


@pytest.mark.parametrize(
    ("num_scenes", "card_width", "columns"), [(1, 478, 1), (4, 478, 4), (5, 478, 3), (32, 478, 4), (7, 3000, 1)]
)
def test_columns(num_scenes, card_width, columns):
    assert balanced_columns(num_scenes, card_width) == columns


def test_columns_can_be_chosen():
    found = made_scenes(6)
    one, three = found.contact_sheet(columns=1), found.contact_sheet(columns=3)
    assert one.height > three.height and one.width < three.width
    with pytest.raises(ValueError, match="columns=0"):
        found.contact_sheet(columns=0)


def test_long_names_keep_their_ends():
    assert fitted("clip.mp4", 40, 500) == "clip.mp4"
    short = fitted("a" * 200 + " \n lecture.mp4", 40, 500)
    assert short.startswith("aaa") and short.endswith(".mp4") and "..." in short
    assert fitted("clip.mp4", 40, 1) == ""
