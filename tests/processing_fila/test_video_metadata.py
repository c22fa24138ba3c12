"""What is known of videos that are given as frames: times and lengths by hand."""

import numpy as np
import pytest
from transformers.video_utils import VideoMetadata

from processing_fila import FilaVideoMetadata
from processing_fila.video_metadata import metadata_of_frames, metadata_of_videos


@pytest.mark.parametrize(
    "given, timestamps, duration_seconds",
    [
        ({"fps": 2}, [0, 0.5, 1, 1.5], 2.0),
        ({"fps": 2, "duration": 2.5}, [0, 0.5, 1, 1.5], 2.5),
        # Every 10th of the 31 frames up to the last one that is known, then of 60 frames in all.
        ({"fps": 10, "frames_indices": [0, 10, 20, 30]}, [0, 1, 2, 3], 3.1),
        ({"fps": 10, "frames_indices": [0, 10, 20, 30], "total_num_frames": 60}, [0, 1, 2, 3], 6.0),
        # Uneven times: the last frame lasts as long as the mean of the three before it, 2 seconds.
        ({"frame_seconds": [0, 1, 2, 6]}, [0, 1, 2, 6], 8.0),
        # Times are trusted before a rate, which is only a mean.
        ({"frame_seconds": [0, 1, 2, 6], "fps": 30}, [0, 1, 2, 6], 8.0),
        (VideoMetadata(total_num_frames=4, fps=4), [0, 0.25, 0.5, 0.75], 1.0),
        (FilaVideoMetadata(total_num_frames=9, frame_seconds=[0, 1, 2, 3]), [0, 1, 2, 3], 4.0),
        ({"frame_seconds": np.array([0, 1, 2, 3]), "frames_indices": np.array([0, 2, 4, 6])}, [0, 1, 2, 3], 4.0),
    ],
)
def test_times_and_length_of_four_frames(given, timestamps, duration_seconds):
    metadata = metadata_of_frames(given, 4)
    assert metadata.has_timestamps
    assert metadata.timestamps == pytest.approx(timestamps)
    assert metadata.duration_seconds == metadata.duration == pytest.approx(duration_seconds)


def test_nothing_known_leaves_indices_alone():
    metadata = metadata_of_frames(None, 3)
    assert not metadata.has_timestamps
    assert metadata.frames_indices == [0, 1, 2] and metadata.total_num_frames == 3 and metadata.duration is None


def test_a_single_frame_with_a_time():
    assert metadata_of_frames({"frame_seconds": [2.0]}, 1).duration_seconds == 2.0


def test_what_the_user_gave_is_left_as_it_is():
    given = {"fps": None, "frame_seconds": [0.0, 1.0], "frames_indices": None}
    metadata = metadata_of_frames(given, 2)
    metadata.frame_seconds.append(9.0)
    assert given == {"fps": None, "frame_seconds": [0.0, 1.0], "frames_indices": None}


@pytest.mark.parametrize(
    "given, message",
    [
        ({"fsp": 10}, r"unknown keys \['fsp'\].*fps.*frame_seconds"),
        ({"fps": 0}, r"'fps'\]=0 must be positive"),
        ({"fps": -25.0}, r"'fps'\]=-25.0 must be positive"),
        ({"fps": float("nan")}, r"'fps'\]=nan must be positive"),
        ({"frame_seconds": [0.0, 1.0]}, r"'frame_seconds'\] has 2 entries for 3 frames"),
        ({"frames_indices": [0, 1, 2, 3]}, r"'frames_indices'\] has 4 entries for 3 frames"),
        ({"frame_seconds": [0.0, 2.0, 1.0]}, r"'frame_seconds'\] must be in time order, got \[0.0, 2.0, 1.0\]"),
        ({"frame_seconds": [0.0, float("nan"), 1.0]}, "must be in time order"),
        # 3 frames of 90 at 30 fps: without their places, their times would be wrong without a word.
        ({"fps": 30, "total_num_frames": 90}, r"'total_num_frames'\]=90 but 3 frames.*'frames_indices'"),
        ("10 fps", "a dict or a VideoMetadata for each video, got '10 fps'"),
        (25, "a dict or a VideoMetadata for each video, got 25"),
    ],
)
def test_metadata_that_does_not_fit_three_frames(given, message):
    with pytest.raises(ValueError, match=message):
        metadata_of_frames(given, 3)


def test_an_entry_for_each_video():
    first, second = {"fps": 1}, VideoMetadata(total_num_frames=3, fps=2)
    assert metadata_of_videos(None, 2) == [None, None]
    assert metadata_of_videos(first, 1) == [first]
    assert metadata_of_videos([first, None], 2) == [first, None]
    assert metadata_of_videos([[first], [], [second]], 2) == [first, second]


def test_one_entry_for_two_videos_is_refused():
    with pytest.raises(ValueError, match="2 videos but 1 entries in video_metadata"):
        metadata_of_videos({"fps": 1}, 2)
