"""The sentence about the sampled frames, letter by letter."""

import pytest

from processing_fila.timestamps import append_times, interleave_times, timestamp_sentence


@pytest.mark.parametrize(
    "frame_seconds, duration_seconds, sentence",
    [
        ([0.0, 2.0, 3.9], 4.0, "This video samples 3 frames of a 4.0-second video at 0.0, 2.0, 3.9 seconds."),
        ([1.5], 3.0, "This video samples 1 frame of a 3.0-second video at 1.5 seconds."),
        ([0, 1], 2, "This video samples 2 frames of a 2.0-second video at 0.0, 1.0 seconds."),
        ([0.04, 0.06], 0.08, "This video samples 2 frames of a 0.1-second video at 0.0, 0.1 seconds."),
        ([0.0, 3599.96], 3600.0, "This video samples 2 frames of a 3600.0-second video at 0.0, 3600.0 seconds."),
    ],
)
def test_sentence(frame_seconds, duration_seconds, sentence):
    assert timestamp_sentence(frame_seconds, duration_seconds) == sentence


def test_a_video_without_frames_has_no_sentence():
    with pytest.raises(ValueError, match="without frames"):
        timestamp_sentence([], 4.0)


def test_times_stand_after_the_visual_tokens():
    text = append_times("<v>", 3, ["00.0", "03.5", "11.0"], 12.0)
    assert text == "<v><v><v>\nThis video samples 3 frames of a 12.0-second video at 00.0, 03.5, 11.0 seconds."


def test_a_time_stands_before_its_scene_and_what_is_left_over_at_the_end():
    text = interleave_times("<v>", 5, ["0.0", "3.5"], 4.0)
    assert text == "This video samples 2 frames of a 4.0-second video.\n<0.0 seconds><v><v><3.5 seconds><v><v><v>"


def test_a_video_without_scenes_has_no_times():
    for write in (append_times, interleave_times):
        with pytest.raises(ValueError, match="without frames"):
            write("<v>", 0, [], 4.0)
