"""Joined files, as the ffmpeg program sees them: every frame of every clip, in order, at its time."""

import errno
from fractions import Fraction

import numpy as np
import pytest

from dataset_fila.files import DiskFullError, written_whole
from dataset_fila.join import BadClipAtError, ClipToJoin, join_clips
from dataset_fila.probe import BadClipError, probe_clip
from dataset_fila.transcode import CommonFormat, transcode, transcode_cached
from tests.clips import draw_clip
from tests.dataset_fila.coded_clips import SIZE, container_seconds, draw_coded_clip, read_back
from tests.oracles import ffmpeg_program as oracle


pytestmark = pytest.mark.ffmpeg
TICK = 1 / 90000
COMMON = CommonFormat(*SIZE)


def planned(path) -> ClipToJoin:
    return ClipToJoin(path, probe_clip(path).seconds)


def check_frames(path, clips: list[tuple[int, list[float], float]]) -> None:
    """`clips`: number, frame times and length of each; what the ffmpeg program must find one behind the other."""
    times, numbers, places = read_back(path)
    start, expected = 0.0, []
    for number, seconds, length in clips:
        expected += [(start + second, number, place) for place, second in enumerate(seconds)]
        start += length
    np.testing.assert_array_equal(numbers, [number for _, number, _ in expected])
    np.testing.assert_array_equal(places, [place for *_, place in expected])
    np.testing.assert_allclose(times, [second for second, *_ in expected], atol=TICK)
    assert container_seconds(path) == pytest.approx(start, abs=TICK)


def steady(count: int, fps: int) -> list[float]:
    return [place / fps for place in range(count)]


def test_frames_and_times_of_clips_with_reordered_frames(tmp_path):
    clips = [draw_coded_clip(tmp_path / f"{number}.mp4", number, count) for number, count in ((1, 30), (2, 7), (3, 41))]
    assert len({probe_clip(clip).format for clip in clips}) == 1
    edges = join_clips([planned(clip) for clip in clips], tmp_path / "long.mp4")
    assert edges == [0, 7.5, 9.25, 19.5]
    check_frames(tmp_path / "long.mp4", [(n, steady(count, 4), count / 4) for n, count in ((1, 30), (2, 7), (3, 41))])


def test_remuxing_changes_no_picture(tmp_path):
    clips = [draw_coded_clip(tmp_path / f"{number}.mp4", number, 20) for number in range(3)]
    join_clips([planned(clip) for clip in clips], tmp_path / "long.mp4")
    expected = np.concatenate([oracle.decode_all(clip, SIZE, stream=0) for clip in clips])
    np.testing.assert_array_equal(oracle.decode_all(tmp_path / "long.mp4", SIZE, stream=0), expected)


def test_clips_of_other_containers_and_clocks(tmp_path):
    """MP4 and Matroska of one encoder: 1/16384 s and 1/1000 s, joined on one clock. Without B frames, as Matroska does
    not store when a reordered frame is decoded."""
    options = {"preset": "superfast", "bf": "0"}
    clips = [
        draw_coded_clip(tmp_path / name, number, 30, options=options)
        for number, name in enumerate(["0.mp4", "1.mkv", "2.mp4"])
    ]
    assert len({probe_clip(clip).format for clip in clips}) == 1
    join_clips([planned(clip) for clip in clips], tmp_path / "long.mp4")
    check_frames(tmp_path / "long.mp4", [(number, steady(30, 4), 7.5) for number in range(3)])


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


def test_slow_clip_behind_a_fast_one_keeps_decoding_times_in_order(tmp_path):
    """A slow clip with B frames wants to be decoded long before it is shown, when the fast one is not over yet."""
    fast = draw_coded_clip(tmp_path / "fast.mp4", 1, [place / 50 for place in range(50)])
    slow = draw_coded_clip(tmp_path / "slow.mp4", 2, [place / 2 for place in range(20)])
    clips = [planned(fast), planned(slow), planned(fast)]
    join_clips(clips, tmp_path / "long.mp4")
    fast_clip = (1, steady(50, 50), clips[0].seconds)
    check_frames(tmp_path / "long.mp4", [fast_clip, (2, steady(20, 2), clips[1].seconds), fast_clip])


def test_transcoded_clips_of_all_kinds_keep_every_frame_at_its_time(tmp_path):
    irregular = [0, 0.1, 0.35, 0.5, 1.2, 1.25, 2.0]
    clips = [
        (draw_coded_clip(tmp_path / "1.mp4", 1, irregular), 1, irregular),
        (draw_coded_clip(tmp_path / "2.avi", 2, 20, fps=10, codec="mpeg4", options={}), 2, steady(20, 10)),
        (draw_coded_clip(tmp_path / "3.mkv", 3, 15, fps=25, size=(128, 192)), 3, steady(15, 25)),
        (draw_coded_clip(tmp_path / "4.webm", 4, 10, codec="libvpx", options={"b": "500k"}), 4, steady(10, 4)),
    ]
    for clip, number, _ in clips:
        transcode(clip, tmp_path / f"common-{number}.mp4", COMMON)
    common = [tmp_path / f"common-{number}.mp4" for _, number, _ in clips]
    assert len({probe_clip(path).format for path in common}) == 1
    lengths = [probe_clip(clip).seconds for clip, *_ in clips]
    join_clips([ClipToJoin(path, length) for path, length in zip(common, lengths, strict=True)], tmp_path / "long.mp4")
    check_frames(
        tmp_path / "long.mp4",
        [(number, times, length) for (_, number, times), length in zip(clips, lengths, strict=True)],
    )


def test_a_portrait_clip_is_letterboxed_upright(tmp_path):
    """64 x 96 turned by a quarter: 96 high and 64 wide, so 42 wide in the middle of a picture 64 high and 96 wide."""
    clip = draw_clip(tmp_path / "turned.mp4", scenes=1, seconds=0.5, rotation_degrees=90)
    transcode(clip, tmp_path / "common.mp4", COMMON)
    columns = oracle.decode_all(tmp_path / "common.mp4", SIZE, stream=0)[0].mean(axis=(0, 2))
    shown = np.flatnonzero(columns > 30)
    assert abs(shown[0] - 27) <= 1 and abs(shown[-1] - 68) <= 1


def test_transcoding_is_done_once_for_the_same_bytes(tmp_path):
    clip = draw_coded_clip(tmp_path / "1.avi", 1, 5, codec="mpeg4", options={})
    (tmp_path / "copy.avi").write_bytes(clip.read_bytes())
    cached = transcode_cached(clip, tmp_path / "cache", COMMON)
    before = cached.stat().st_mtime_ns
    assert transcode_cached(tmp_path / "copy.avi", tmp_path / "cache", COMMON) == cached
    assert cached.stat().st_mtime_ns == before
    assert transcode_cached(clip, tmp_path / "cache", CommonFormat(32, 48)) != cached


# ------------------------------------------------------------------------------------------------------------ sound


def test_sound_is_cut_to_its_clip_and_stays_in_step(tmp_path):
    """Each clip has a tone of its own length: 5 s (longer than the pictures), 3 s, and 1.5 s (shorter)."""
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


# --------------------------------------------------------------------------------------------------- what goes wrong


@pytest.mark.parametrize(
    "name, arguments, reason",
    [
        ("mpeg4.avi", {"codec": "mpeg4"}, "codec mpeg4"),
        ("turned.mp4", {"rotation_degrees": 90}, "is stored rotated or mirrored"),
        ("stream.ts", {}, "parameters are not in the header"),
        ("live.mkv", {"container_options": {"live": "1"}}, "packets without times"),
    ],
)
def test_what_cannot_be_remuxed_says_why(tmp_path, name, arguments, reason):
    assert probe_clip(draw_clip(tmp_path / name, seconds=1, **arguments)).format == f"transcode: {reason}"


def test_a_clip_cut_with_an_edit_list_or_from_the_middle_of_a_group_is_transcoded(tmp_path):
    whole = draw_coded_clip(tmp_path / "whole.mp4", 1, 60, options={"preset": "superfast", "x264-params": "open-gop=1"})
    oracle.ffmpeg("-ss", "3", "-i", whole, "-c", "copy", tmp_path / "hidden.mp4")
    assert probe_clip(tmp_path / "hidden.mp4").format == "transcode: an edit list hides frames"
    oracle.ffmpeg("-ss", "7.5", "-i", whole, "-c", "copy", "-avoid_negative_ts", "1", tmp_path / "open.mkv")
    assert probe_clip(tmp_path / "open.mkv").format.startswith("transcode: ")


def test_other_settings_are_another_format(tmp_path):
    formats = {
        probe_clip(draw_coded_clip(tmp_path / f"{place}.mp4", 1, 10, **options)).format
        for place, options in enumerate([{}, {"fps": 5}, {"size": (96, 96)}, {"options": {"preset": "slow"}}])
    }
    assert len(formats) == 4


def test_bad_clips_are_named_by_their_place(tmp_path):
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


def test_a_clip_that_cannot_be_probed_says_why(tmp_path):
    (tmp_path / "text.mp4").write_text("no video")
    with pytest.raises(BadClipError, match="is not a readable video"):
        probe_clip(tmp_path / "text.mp4")
    with pytest.raises(BadClipError, match="does not exist"):
        probe_clip(tmp_path / "missing.mp4")


def test_damaged_pictures_are_found_when_all_are_decoded_and_when_transcoding(real_video, tmp_path):
    clip = real_video("corrupted.mp4")
    with pytest.raises(BadClipError, match=r"\d+ of 50 frames are damaged"):
        probe_clip(clip, decode="all")
    with pytest.raises(BadClipError, match="damaged"):
        transcode(clip, tmp_path / "common.mp4", COMMON)


def test_a_full_disk_leaves_nothing_under_the_final_name(tmp_path, monkeypatch):
    """/dev/full refuses every byte with ENOSPC, as a full disk does."""
    clip = draw_coded_clip(tmp_path / "clip.mp4", 1, 200)

    def full(final):
        final.parent.mkdir(exist_ok=True)
        link = final.with_name(".full.part")
        link.symlink_to("/dev/full")
        return link

    monkeypatch.setattr("dataset_fila.files.part_path", full)
    final = tmp_path / "out" / "long.mp4"
    with pytest.raises(
        DiskFullError, match=r"No room left in .*out to write long.mp4 \(No space left on device\)"
    ) as caught:
        with written_whole(final) as part:
            join_clips([planned(clip)] * 2, part)
    assert caught.value.errno == errno.ENOSPC
    with pytest.raises(DiskFullError):
        transcode_cached(clip, tmp_path / "out", COMMON)
    assert [path.name for path in (tmp_path / "out").iterdir() if path.suffix != ".lock"] == []


def test_rates_that_fit_no_clock_do_not_drift(tmp_path):
    """30000/1001 and 24000/1001 frames a second: after many clips the last scene still starts where the sum says."""
    rate = Fraction(1001, 24000)
    clip = draw_coded_clip(tmp_path / "clip.mp4", 1, [float(place * rate) for place in range(25)])
    ready = planned(clip)
    edges = join_clips([ready] * 40, tmp_path / "long.mp4")
    times, _, places = read_back(tmp_path / "long.mp4")
    np.testing.assert_allclose(times[places == 0], edges[:-1], atol=TICK)
    assert edges[-1] == pytest.approx(40 * ready.seconds, abs=1e-4)
