"""The places of the parts of a timeline."""

import itertools

import numpy as np
import pytest

from fila_video.scenes.timeline_layout import EDGE, WIDTH, lay_out_timeline, picture_slots
from tests.fila_video.scenes.made_scenes import made_scenes


def overlap(left, right) -> bool:
    apart_in_x = left.left + left.width <= right.left or right.left + right.width <= left.left
    apart_in_y = left.top + left.height <= right.top or right.top + right.height <= left.top
    return not (apart_in_x or apart_in_y)


@pytest.mark.parametrize("size", [(45, 80), (80, 45)])
@pytest.mark.parametrize("num_scenes", [1, 2, 12, 13, 32, 64, 100])
def test_pictures_are_in_order_and_do_not_overlap(num_scenes, size):
    layout = lay_out_timeline(made_scenes(num_scenes, 2, size))
    middles = [picture.left + picture.width / 2 for picture in layout.pictures]
    assert middles == sorted(middles)
    assert not any(itertools.starmap(overlap, itertools.combinations(layout.pictures, 2)))
    for picture in layout.pictures:
        assert 0 <= picture.left and picture.left + picture.width <= WIDTH
        assert 0 <= picture.top and picture.top + picture.height < layout.band[0]
        assert picture.width / picture.height == pytest.approx(size[1] / size[0])


def test_marks_lie_at_their_times():
    """12 frames, one second apart, in a video of 12 seconds."""
    layout = lay_out_timeline(made_scenes(4, 3))
    seconds = (np.array([layout.representatives, layout.uniform]) - EDGE) / (WIDTH - 2 * EDGE) * 12
    np.testing.assert_allclose(seconds, [[2, 5, 8, 11], [1, 4, 7, 10]])
    starts, ends = zip(*layout.bars, strict=True)
    assert starts[1:] == ends[:-1] and (starts[0], ends[-1]) == (EDGE, WIDTH - EDGE)
    assert [text for _, text in layout.ticks] == ["0:00", "0:02", "0:04", "0:06", "0:08", "0:10", "0:12"]


def test_a_single_picture_has_a_timeline():
    layout = lay_out_timeline(made_scenes(1, 1, duration_seconds=0.0))
    assert layout.representatives == [EDGE] and layout.bars == [(EDGE, WIDTH - EDGE)]


@pytest.mark.parametrize(("num_pictures", "rows"), [(1, 1), (12, 1), (13, 2), (24, 2), (32, 3), (64, 4), (500, 4)])
def test_rows(num_pictures, rows):
    found, slots = picture_slots(num_pictures)
    assert found == rows and {row for row, _, _ in slots} == set(range(rows))
    assert all(0 <= left < right <= 1 + 1e-9 for _, left, right in slots)
