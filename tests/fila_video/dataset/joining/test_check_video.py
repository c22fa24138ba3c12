"""A finished long video is compared with what its annotation says."""

import pytest

from fila_video.dataset.joining.check_video import ScenePlaceError, check_video
from fila_video.dataset.joining.join_clips import join_clips
from tests.fila_video.dataset.coded_clips import draw_coded_clip, planned


@pytest.fixture
def long_video(tmp_path):
    """Three clips of 5 seconds at 4 frames per second."""
    clips = [planned(draw_coded_clip(tmp_path / f"{number}.mp4", number, 20)) for number in range(3)]
    assert join_clips(clips, tmp_path / "long.mp4") == [0, 5, 10, 15]
    return tmp_path / "long.mp4"


def test_a_joined_video_is_as_stated(long_video):
    check_video(long_video, [0, 5, 10], 15)
    check_video(long_video, [0, 5, 10], 15.2)  # less than a frame


@pytest.mark.parametrize(
    ("starts", "seconds", "place", "reason"),
    [
        ([0, 5, 10], 15.3, None, "lasts 15.000 s, not 15.300 s"),
        ([0, 5.1, 10], 15, 1, "scene 1 starts 0.100 s away from the nearest frame"),
        ([0, 5, 10.25], 15, 2, "scene 2 does not start with a key frame"),
    ],
)
def test_differences_are_reported_with_the_scene(long_video, starts, seconds, place, reason):
    with pytest.raises(ScenePlaceError, match=reason) as caught:
        check_video(long_video, starts, seconds)
    assert caught.value.place == place


def test_a_file_that_is_not_a_video_is_reported(tmp_path):
    (tmp_path / "long.mp4").write_bytes(b"no video")
    with pytest.raises(ScenePlaceError, match="not a readable video") as caught:
        check_video(tmp_path / "long.mp4", [0], 5)
    assert caught.value.place is None
