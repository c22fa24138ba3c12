"""Transcoded clips: every frame at its time, upright, and made only once."""

import numpy as np
import pytest

from fila_video.common.files import DiskFullError
from fila_video.dataset.clips.open_clip import BadClipError
from fila_video.dataset.clips.probe import probe_clip
from fila_video.dataset.joining.join_clips import ClipToJoin, join_clips
from fila_video.dataset.joining.transcode import CommonFormat, transcode, transcode_cached
from tests.clips import draw_clip
from tests.fila_video.dataset.coded_clips import SIZE, check_frames, draw_coded_clip, steady
from tests.oracles import ffmpeg_program as oracle


COMMON = CommonFormat(*SIZE)


@pytest.mark.ffmpeg
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


@pytest.mark.ffmpeg
def test_a_portrait_clip_is_letterboxed_upright(tmp_path):
    """A picture of 64 x 96, turned by 90 degrees, is 96 high and 64 wide: 42 columns in the middle of 64 x 96."""
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


def test_clips_of_one_common_format_can_be_joined_without_re_encoding(tmp_path):
    clips = [
        draw_coded_clip(tmp_path / "1.avi", 1, 8, codec="mpeg4", options={}),
        draw_coded_clip(tmp_path / "2.mkv", 2, 12, fps=10, size=(128, 192)),
    ]
    formats = {probe_clip(transcode_cached(clip, tmp_path / "cache", COMMON)).format for clip in clips}
    assert len(formats) == 1 and not formats.pop().startswith("transcode: ")


def test_damaged_pictures_are_a_bad_clip(real_video, tmp_path):
    with pytest.raises(BadClipError, match="damaged"):
        transcode(real_video("corrupted.mp4"), tmp_path / "common.mp4", COMMON)


def test_a_missing_clip_is_a_bad_clip(tmp_path):
    with pytest.raises(BadClipError, match="cannot be read: No such file"):
        transcode_cached(tmp_path / "missing.mp4", tmp_path / "cache", COMMON)


def test_a_full_disk_leaves_nothing_in_the_cache(tmp_path, monkeypatch):
    """/dev/full refuses every byte with ENOSPC, as a full disk does. The clip is not to blame."""
    clip = draw_coded_clip(tmp_path / "clip.mp4", 1, 200)
    (tmp_path / "full.part").symlink_to("/dev/full")
    monkeypatch.setattr("fila_video.common.files.part_path", lambda final: tmp_path / "full.part")
    with pytest.raises(DiskFullError, match="No space left in .*cache"):
        transcode_cached(clip, tmp_path / "cache", COMMON)
    assert [path.name for path in (tmp_path / "cache").iterdir() if path.suffix != ".lock"] == []


@pytest.mark.parametrize("size", [(63, 96), (64, 0), (-2, 96)])
def test_a_size_that_cannot_be_encoded_is_refused(size):
    with pytest.raises(ValueError, match=f"even and positive, got {size[0]} x {size[1]}"):
        CommonFormat(*size)
