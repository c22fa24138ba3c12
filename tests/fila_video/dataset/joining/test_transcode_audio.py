"""The sound of transcoded clips: as long as the pictures, and in sync with them."""

import numpy as np
import pytest

from fila_video.dataset.clips.probe import probe_clip
from fila_video.dataset.joining.join_clips import ClipToJoin, join_clips
from fila_video.dataset.joining.transcode import CommonFormat, transcode_cached
from fila_video.dataset.joining.transcode_audio import RATE, read_samples
from tests.clips import draw_clip
from tests.fila_video.dataset.coded_clips import SIZE
from tests.oracles import ffmpeg_program as oracle


@pytest.mark.ffmpeg
def test_transcoded_sound_is_padded_with_silence(tmp_path):
    """A tone of 1 s over 3 s of pictures, and a clip without sound."""
    common = CommonFormat(*SIZE, has_audio=True)
    loud, silent = (
        draw_clip(tmp_path / "loud.mp4", seconds=3, audio_seconds=1),
        draw_clip(tmp_path / "silent.mp4", seconds=2),
    )
    common_clips = [transcode_cached(clip, tmp_path / "cache", common) for clip in (loud, silent)]
    assert len({probe_clip(clip).audio for clip in common_clips}) == 1
    clips = [ClipToJoin(path, seconds) for path, seconds in zip(common_clips, (3, 2), strict=True)]
    join_clips(clips, tmp_path / "long.mp4", keep_audio=True)
    raw = oracle.ffmpeg("-i", tmp_path / "long.mp4", "-ac", "1", "-ar", "8000", "-f", "f32le", "-")
    samples = np.abs(np.frombuffer(raw, np.float32))
    assert len(samples) / 8000 == pytest.approx(5, abs=0.1)
    assert samples[800:7200].max() > 0.05 and samples[9600:].max() < 0.01


def test_samples_are_cut_and_padded_to_the_requested_number(tmp_path):
    """A tone of 1 s, read for 3 s and for half a second."""
    clip = draw_clip(tmp_path / "loud.mp4", seconds=3, audio_seconds=1)
    long, short = read_samples(clip, 3 * RATE), read_samples(clip, RATE // 2)
    assert long.shape == (2, 3 * RATE) and short.shape == (2, RATE // 2)
    assert np.abs(long[:, : RATE // 2]).max() > 0.05 and np.abs(long[:, 2 * RATE :]).max() == 0
    np.testing.assert_array_equal(short, long[:, : RATE // 2])


def test_a_clip_without_sound_is_silent(tmp_path):
    assert not read_samples(draw_clip(tmp_path / "silent.mp4", seconds=1), RATE).any()


def test_joined_transcoded_clips_have_one_format_of_sound(tmp_path):
    common = CommonFormat(*SIZE, has_audio=True)
    clips = [draw_clip(tmp_path / f"{n}.mp4", seconds=1, audio_seconds=n) for n in (0, 1)]
    formats = {probe_clip(transcode_cached(clip, tmp_path / "cache", common)).audio for clip in clips}
    assert len(formats) == 1 and formats.pop().startswith("aac 48000 stereo ")
