"""Joined files, as the ffmpeg program reads them: every frame of every clip, in order and at its time."""

import errno
from fractions import Fraction

import numpy as np
import pytest

from fila_video.common.files import DiskFullError, written_whole
from fila_video.dataset.clips.probe import probe_clip
from fila_video.dataset.joining.join_clips import BadClipAtError, ClipToJoin, join_clips
from tests.clips import draw_clip
from tests.fila_video.dataset.coded_clips import SIZE, TICK, check_frames, draw_coded_clip, planned, read_back, steady
from tests.oracles import ffmpeg_program as oracle


@pytest.mark.ffmpeg
def test_frames_and_times_of_clips_with_reordered_frames(tmp_path):
    clips = [draw_coded_clip(tmp_path / f"{number}.mp4", number, count) for number, count in ((1, 30), (2, 7), (3, 41))]
    assert len({probe_clip(clip).format for clip in clips}) == 1
    edges = join_clips([planned(clip) for clip in clips], tmp_path / "long.mp4")
    assert edges == [0, 7.5, 9.25, 19.5]
    check_frames(tmp_path / "long.mp4", [(n, steady(count, 4), count / 4) for n, count in ((1, 30), (2, 7), (3, 41))])


@pytest.mark.ffmpeg
def test_remuxing_changes_no_picture(tmp_path):
    clips = [draw_coded_clip(tmp_path / f"{number}.mp4", number, 20) for number in range(3)]
    join_clips([planned(clip) for clip in clips], tmp_path / "long.mp4")
    expected = np.concatenate([oracle.decode_all(clip, SIZE, stream=0) for clip in clips])
    np.testing.assert_array_equal(oracle.decode_all(tmp_path / "long.mp4", SIZE, stream=0), expected)


@pytest.mark.ffmpeg
def test_clips_of_different_containers_and_clocks(tmp_path):
    """MP4 and Matroska files of one encoder, with clocks of 1/16384 s and 1/1000 s, are joined on one clock.

    There are no B frames, because Matroska does not store when a reordered frame is decoded.
    """
    options = {"preset": "superfast", "bf": "0"}
    clips = [
        draw_coded_clip(tmp_path / name, number, 30, options=options)
        for number, name in enumerate(["0.mp4", "1.mkv", "2.mp4"])
    ]
    assert len({probe_clip(clip).format for clip in clips}) == 1
    join_clips([planned(clip) for clip in clips], tmp_path / "long.mp4")
    check_frames(tmp_path / "long.mp4", [(number, steady(30, 4), 7.5) for number in range(3)])


@pytest.mark.ffmpeg
@pytest.mark.parametrize("codec, suffix", [("libx265", "mp4"), ("libvpx-vp9", "webm"), ("libsvtav1", "mp4")])
def test_other_codecs_are_remuxed_too(tmp_path, codec, suffix):
    options = {"x265-params": "log-level=none"} if codec == "libx265" else {"b": "200k"}
    clips = [
        draw_coded_clip(tmp_path / f"{number}.{suffix}", number, 12, codec=codec, options=options) for number in (4, 5)
    ]
    formats = {probe_clip(clip).format for clip in clips}
    assert len(formats) == 1 and not formats.pop().startswith("transcode")
    join_clips([planned(clip) for clip in clips], tmp_path / "long.mp4")
    check_frames(tmp_path / "long.mp4", [(4, steady(12, 4), 3), (5, steady(12, 4), 3)])


@pytest.mark.ffmpeg
def test_a_slow_clip_after_a_fast_one_keeps_decoding_times_in_order(tmp_path):
    """A slow clip with B frames is decoded long before it is shown, which is before the fast clip has ended."""
    fast = draw_coded_clip(tmp_path / "fast.mp4", 1, [place / 50 for place in range(50)])
    slow = draw_coded_clip(tmp_path / "slow.mp4", 2, [place / 2 for place in range(20)])
    clips = [planned(fast), planned(slow), planned(fast)]
    join_clips(clips, tmp_path / "long.mp4")
    fast_clip = (1, steady(50, 50), clips[0].seconds)
    check_frames(tmp_path / "long.mp4", [fast_clip, (2, steady(20, 2), clips[1].seconds), fast_clip])


# ------------------------------------------------------------------------------------------------------------ sound


@pytest.mark.ffmpeg
def test_sound_is_cut_to_its_clip_and_stays_in_sync(tmp_path):
    """The tones of the clips last 5 s (longer than the pictures), 3 s, and 1.5 s (shorter)."""
    clips = [
        draw_clip(tmp_path / f"{place}.mp4", scenes=1, seconds=3, audio_seconds=seconds)
        for place, seconds in enumerate((5, 3, 1.5))
    ]
    assert len({(probe_clip(clip).format, probe_clip(clip).audio) for clip in clips}) == 1
    edges = join_clips([planned(clip) for clip in clips], tmp_path / "long.mp4", keep_audio=True)
    assert edges == [0, 3, 6, 9]
    packets = oracle.ffprobe(tmp_path / "long.mp4", 1, "-show_entries", "packet=pts_time")["packets"]
    times = np.array([float(packet["pts_time"]) for packet in packets])
    frame = 1024 / 16000
    for start, length in ((0, 3), (3, 3), (6, 1.5)):
        of_clip = times[(times > start - frame / 2) & (times < start + 3 - frame / 2)]
        assert of_clip[0] == pytest.approx(start, abs=frame)
        assert of_clip[-1] == pytest.approx(start + length, abs=2.5 * frame)
    assert (np.diff(times) > 0).all()


# --------------------------------------------------------------------------------------------------- what goes wrong


def test_bad_clips_are_reported_with_their_position(tmp_path):
    good = draw_coded_clip(tmp_path / "good.mp4", 1, 20)
    (tmp_path / "bad.mp4").write_bytes(good.read_bytes()[:500])
    for bad, reason in (
        (ClipToJoin(tmp_path / "missing.mp4", 5), "cannot be read: No such file or directory"),
        (ClipToJoin(tmp_path / "bad.mp4", 5), "cannot be read: Invalid data"),
        (ClipToJoin(good, 5.5), "lasts 5.000 s, not 5.500 s as planned"),
    ):
        with pytest.raises(BadClipAtError, match=reason) as caught:
            join_clips([planned(good), bad], tmp_path / "long.mp4")
        assert caught.value.place == 1


def test_a_full_disk_leaves_nothing_under_the_final_name(tmp_path, monkeypatch):
    """/dev/full refuses every byte with ENOSPC, as a full disk does."""
    clip = draw_coded_clip(tmp_path / "clip.mp4", 1, 200)
    (tmp_path / "full.part").symlink_to("/dev/full")
    monkeypatch.setattr("fila_video.common.files.part_path", lambda final: tmp_path / "full.part")
    final = tmp_path / "out" / "long.mp4"
    message = r"No space left in .*out to write long.mp4 \(No space left on device\)"
    with pytest.raises(DiskFullError, match=message) as caught:
        with written_whole(final) as part:
            join_clips([planned(clip)] * 2, part)
    assert caught.value.errno == errno.ENOSPC
    assert list((tmp_path / "out").iterdir()) == [] and not (tmp_path / "full.part").is_symlink()


@pytest.mark.ffmpeg
def test_rates_that_fit_no_clock_do_not_drift(tmp_path):
    """24000/1001 frames per second: after many clips, the last scene still starts at the sum of the lengths."""
    rate = Fraction(1001, 24000)
    clip = draw_coded_clip(tmp_path / "clip.mp4", 1, [float(place * rate) for place in range(25)])
    ready = planned(clip)
    edges = join_clips([ready] * 40, tmp_path / "long.mp4")
    times, _, places = read_back(tmp_path / "long.mp4")
    np.testing.assert_allclose(times[places == 0], edges[:-1], atol=TICK)
    assert edges[-1] == pytest.approx(40 * ready.seconds, abs=1e-4)
