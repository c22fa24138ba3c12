"""The decoded frames of an MP4 agree with the ground truth: colors of objects, their motion, and backgrounds."""

import av
import numpy as np
import pytest

from fila_video.world.draw_frame import draw_frame
from fila_video.world.draw_video import draw_video
from fila_video.world.ground_truth import FADE_SECONDS
from fila_video.world.render_video import frame_numbers, render_video
from fila_video.world.vocabulary import BACKGROUND_COLOURS, MOTIONS, OBJECT_COLOURS
from fila_video.world.world_options import WorldOptions
from processing_fila.reader import VideoReader


@pytest.fixture(scope="module")
def rendered(tmp_path_factory):
    """A few videos, some with events, each with its decoded frames (F, H, W, 3)."""
    folder, found = tmp_path_factory.mktemp("rendered"), []
    for seed in range(6):
        options = WorldOptions(scenes=(3, 5), events=(0, 2)) if seed % 2 else WorldOptions()
        video = draw_video(np.random.default_rng(seed), options)
        render_video(video, folder / f"{seed}.mp4")
        with VideoReader(folder / f"{seed}.mp4") as reader:
            assert reader.duration_seconds == pytest.approx(video.duration_seconds, abs=0.01)
            frames = np.stack([frame for frame, _ in reader.frames_at(range(reader.num_frames))])
        assert len(frames) == len(frame_numbers(video))
        found.append((video, frames))
    return found


def places_of(frame: np.ndarray, colour: str) -> np.ndarray:
    """(pixels, 2): rows and columns of the pixels that are nearer to this color than to any other."""
    palette = np.array([*OBJECT_COLOURS.values(), *BACKGROUND_COLOURS.values()], dtype=float)
    distances = np.linalg.norm(frame[:, :, None].astype(float) - palette, axis=-1)
    is_near = distances.min(-1) < 60
    return np.argwhere(is_near & (distances.argmin(-1) == list(OBJECT_COLOURS).index(colour)))


def first_and_last(video, item) -> tuple[int, int]:
    """Numbers of the first and the last frame that show an object, after any fade."""
    has_faded = video.scene_of(item).transition == "fade"
    return round((item.enter_seconds + FADE_SECONDS * has_faded) * 10), round(item.leave_seconds * 10) - 1


def test_every_object_has_its_color_and_motion(rendered):
    for video, frames in rendered:
        for item in video.objects:
            first, last = first_and_last(video, item)
            before, after = places_of(frames[first], item.colour), places_of(frames[last], item.colour)
            assert len(before) > 60 and len(after) > 60, (item, len(before), len(after))
            row_step, column_step = after.mean(0) - before.mean(0)
            column, row = MOTIONS[item.motion]
            along = column_step * column + row_step * row
            across = abs(column_step * row) + abs(row_step * column)
            assert along > 1.5 and across < along / 2, (item, row_step, column_step)


def test_no_object_is_seen_outside_its_time(rendered):
    for video, frames in rendered:
        for item in video.objects:
            for seconds in (item.enter_seconds - 0.3, item.leave_seconds + FADE_SECONDS + 0.1):
                if 0 <= seconds < video.duration_seconds:
                    assert len(places_of(frames[round(seconds * 10)], item.colour)) < 25, (item, seconds)


def test_the_background_is_the_scenes(rendered):
    names = list(BACKGROUND_COLOURS)
    palette = np.array(list(BACKGROUND_COLOURS.values()), dtype=float)
    for video, frames in rendered:
        for scene in video.scenes:
            frame = frames[round(scene.end_seconds * 10) - 2].astype(float)
            distances = np.linalg.norm(frame[:, :, None] - palette, axis=-1)
            votes = np.bincount(distances.argmin(-1)[distances.min(-1) < 30], minlength=len(names))
            assert names[votes.argmax()] == scene.background


def test_a_fade_begins_as_the_scene_before_and_ends_as_its_own():
    options = WorldOptions(scenes=(4, 4))
    videos = (draw_video(np.random.default_rng(seed), options) for seed in range(20))
    fading = [(video, scene) for video in videos for scene in video.scenes if scene.transition == "fade"]
    assert fading
    for video, scene in fading:
        start = scene.start_seconds
        assert np.array_equal(draw_frame(video, start), draw_frame(video, round(start - 0.1, 1)))


def test_the_same_video_is_the_same_file(tmp_path):
    video = draw_video(np.random.default_rng(3), WorldOptions(seconds=(3, 3)))
    for name in ("one.mp4", "two.mp4"):
        render_video(video, tmp_path / name)
    assert (tmp_path / "one.mp4").read_bytes() == (tmp_path / "two.mp4").read_bytes()


def test_uneven_frames_are_shown_at_their_times(tmp_path):
    options = WorldOptions(scenes=(1, 3), seconds=(4, 12), changes_on_frames=24, uneven=True)
    for seed in range(20):
        video = draw_video(np.random.default_rng(seed), options)
        render_video(video, tmp_path / "uneven.mp4")
        with VideoReader(tmp_path / "uneven.mp4") as reader:
            assert reader.frame_seconds == pytest.approx(video.frame_seconds, abs=1e-3)
            assert reader.duration_seconds == pytest.approx(video.duration_seconds, abs=0.01)
        with av.open(tmp_path / "uneven.mp4") as container:
            assert container.duration / av.time_base == pytest.approx(video.duration_seconds, abs=0.01)


def test_a_folder_that_does_not_exist_is_an_error(tmp_path):
    video = draw_video(np.random.default_rng(3), WorldOptions(seconds=(3, 3)))
    with pytest.raises(OSError, match="nowhere"):
        render_video(video, tmp_path / "nowhere" / "clip.mp4")
