"""Which clips can be joined without re-encoding, and why others cannot."""

import pytest

from fila_video.dataset.clips.probe import probe_clip
from tests.clips import draw_clip
from tests.fila_video.dataset.coded_clips import draw_coded_clip
from tests.oracles import ffmpeg_program as oracle


@pytest.mark.parametrize(
    "name, arguments, reason",
    [
        ("mpeg4.avi", {"codec": "mpeg4"}, "codec mpeg4"),
        ("turned.mp4", {"rotation_degrees": 90}, "is stored rotated or mirrored"),
        ("stream.ts", {}, "parameters are not in the header"),
        ("live.mkv", {"container_options": {"live": "1"}}, "packets without times"),
    ],
)
def test_the_format_of_a_clip_that_must_be_transcoded_gives_the_reason(tmp_path, name, arguments, reason):
    assert probe_clip(draw_clip(tmp_path / name, seconds=1, **arguments)).format == f"transcode: {reason}"


@pytest.mark.ffmpeg
def test_clips_that_were_cut_without_re_encoding_are_transcoded(tmp_path):
    """One has an edit list that hides frames, the other starts in the middle of a group of pictures."""
    whole = draw_coded_clip(tmp_path / "whole.mp4", 1, 60, options={"preset": "superfast", "x264-params": "open-gop=1"})
    oracle.ffmpeg("-ss", "3", "-i", whole, "-c", "copy", tmp_path / "hidden.mp4")
    assert probe_clip(tmp_path / "hidden.mp4").format == "transcode: an edit list hides frames"
    oracle.ffmpeg("-ss", "7.5", "-i", whole, "-c", "copy", "-avoid_negative_ts", "1", tmp_path / "open.mkv")
    assert probe_clip(tmp_path / "open.mkv").format.startswith("transcode: ")


def test_different_settings_give_different_formats(tmp_path):
    formats = {
        probe_clip(draw_coded_clip(tmp_path / f"{place}.mp4", 1, 10, **options)).format
        for place, options in enumerate([{}, {"fps": 5}, {"size": (96, 96)}, {"options": {"preset": "slow"}}])
    }
    assert len(formats) == 4


def test_the_same_settings_give_the_same_format(tmp_path):
    first, second = (probe_clip(draw_coded_clip(tmp_path / f"{n}.mp4", n, 10 + n)).format for n in (1, 2))
    assert first == second and first.startswith("h264 96x64 yuv420p ")


def test_the_format_of_the_sound(tmp_path):
    silent, loud = (
        draw_clip(tmp_path / "silent.mp4", seconds=1),
        draw_clip(tmp_path / "loud.mp4", seconds=1, audio_seconds=1),
    )
    assert probe_clip(silent).audio is None
    assert probe_clip(loud).audio.startswith("aac ")
