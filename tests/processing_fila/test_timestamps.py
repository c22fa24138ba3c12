"""The sentence about the sampled frames, letter by letter."""

import pytest

from processing_fila.timestamps import timestamp_sentence


@pytest.mark.parametrize(
    "frame_seconds, duration_seconds, sentence",
    [
        ([0.0, 2.0, 3.9], 4.0, "This video samples 3 frames of a 4.0-second video at 0.0, 2.0, 3.9 seconds."),
        ([1.5], 3.0, "This video samples 1 frames of a 3.0-second video at 1.5 seconds."),
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
