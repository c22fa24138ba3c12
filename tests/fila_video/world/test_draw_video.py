"""A drawn video is consistent: scenes without gaps, long enough to be seen, with objects that can be distinguished."""

from dataclasses import replace

import numpy as np
import pytest

from fila_video.world.draw_video import draw_video
from fila_video.world.ground_truth import EVENT_SECONDS, FRAMES_PER_SECOND
from fila_video.world.world_options import WorldOptions
from processing_fila.frame_sampling import sample_frame_indices


WITH_EVENTS = WorldOptions(scenes=(3, 5), seconds=(20, 60), events=(1, 2))


def videos(options: WorldOptions = WITH_EVENTS, count: int = 200):
    return [draw_video(np.random.default_rng(seed), options) for seed in range(count)]


def test_the_same_seed_draws_the_same_video():
    assert videos(count=20) == videos(count=20)
    assert len(set(videos(count=20))) == 20


ON_FRAMES = WorldOptions(changes_on_frames=24)


@pytest.mark.parametrize("options", [WorldOptions(), WITH_EVENTS, ON_FRAMES])
def test_scenes_follow_each_other_from_start_to_end(options):
    for video in videos(options):
        ends = [scene.end_seconds for scene in video.scenes]
        assert [0.0, *ends[:-1]] == [scene.start_seconds for scene in video.scenes]
        assert ends[-1] == video.duration_seconds
        backgrounds = [scene.background for scene in video.scenes]
        assert all(one != other for one, other in zip(backgrounds, backgrounds[1:], strict=False))


def test_a_scene_is_long_enough_to_be_sampled_and_an_event_is_not():
    for video in videos():
        for scene in video.scenes:
            seconds = scene.end_seconds - scene.start_seconds
            if scene.is_event:
                assert EVENT_SECONDS[0] - 1e-9 <= seconds <= EVENT_SECONDS[1] + 1e-9
            else:
                assert seconds >= video.duration_seconds * WITH_EVENTS.shortest_share - 1e-9
        assert not video.scenes[0].is_event and not video.scenes[-1].is_event
        assert 1 <= sum(scene.is_event for scene in video.scenes) <= 2


def test_24_evenly_spread_frames_show_two_of_every_scene_that_is_no_event():
    for options in (WorldOptions(), WITH_EVENTS, ON_FRAMES):
        for video in videos(options):
            times = np.arange(round(video.duration_seconds * FRAMES_PER_SECOND)) / FRAMES_PER_SECOND
            sampled = times[sample_frame_indices(times, num_frames=24)]
            for scene in video.scenes:
                num_seen = ((scene.start_seconds <= sampled) & (sampled < scene.end_seconds)).sum()
                assert scene.is_event or num_seen >= 2, (video.duration_seconds, scene)


@pytest.mark.parametrize("num_frames", [17, 24])
def test_changes_can_fall_on_sampled_frames(num_frames):
    """On all of them, in videos of any length, so that no time follows from the number of its frame alone."""
    options = WorldOptions(scenes=(1, 4), seconds=(4, 12), changes_on_frames=num_frames)
    drawn = videos(options, count=300)
    for video in drawn:
        times = np.arange(round(video.duration_seconds * FRAMES_PER_SECOND)) / FRAMES_PER_SECOND
        sampled = {f"{seconds:.1f}" for seconds in times[sample_frame_indices(times, num_frames=num_frames)]}
        assert {f"{item.enter_seconds:.1f}" for item in video.objects} <= sampled
        assert {scene.transition for scene in video.scenes} == {"cut"}
    assert len({video.duration_seconds for video in drawn}) > 70
    is_late = [item.enter_seconds > video.scene_of(item).start_seconds for video in drawn for item in video.objects]
    assert any(is_late)


def test_frames_can_be_uneven():
    """Everything begins on a frame, and the time of a frame does not follow from its number."""
    drawn = videos(replace(ON_FRAMES, uneven=True), count=300)
    for video in drawn:
        shown = video.frame_seconds
        assert len(shown) == ON_FRAMES.changes_on_frames and list(shown) == sorted(set(shown))
        assert shown[0] == 0 and shown[-1] == pytest.approx(video.duration_seconds - 1 / FRAMES_PER_SECOND)
        assert {item.enter_seconds for item in video.objects} <= set(shown)
    shares = np.array([np.array(video.frame_seconds) / video.duration_seconds for video in drawn])
    assert shares[:, 12].std() == pytest.approx(
        0.1, abs=0.02
    )  # the deviation of the median of 24 uniform draws: 1 / (2 sqrt(24))
    assert all(video.frame_seconds is None for video in videos(ON_FRAMES, count=3))


def test_objects_have_different_colors_and_are_visible_only_within_their_scene():
    for video in videos():
        colours = [item.colour for item in video.objects]
        assert len(set(colours)) == len(colours)
        for scene in video.scenes:
            for item in scene.objects:
                assert scene.start_seconds <= item.enter_seconds < item.leave_seconds == scene.end_seconds


def test_scene_lengths_are_very_unequal():
    ratios = []
    for video in videos(WorldOptions(scenes=(4, 4))):
        lengths = [scene.end_seconds - scene.start_seconds for scene in video.scenes]
        ratios.append(max(lengths) / min(lengths))
    assert np.median(ratios) > 3
