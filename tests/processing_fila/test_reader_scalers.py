"""Scalers of HDR frames: made once for each kind, shared by videos and threads, and never by two at once."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import av
import numpy as np
import pytest

from processing_fila import reader_picture
from processing_fila.reader import VideoReader, read_video
from processing_fila.reader_scalers import SharedScalers
from tests.clips import draw_clip


PQ, HLG = 16, 18
SIZE = (24, 32)


def hdr_clip(path: Path, transfer: int) -> Path:
    color = {"color_trc": transfer, "color_primaries": 9, "colorspace": 9, "color_range": 1}
    options = {"x265-params": "log-level=none"}
    return draw_clip(
        path, seconds=1, codec="libx265", pix_fmt="yuv420p10le", color=color, codec_options=options, gop_size=2
    )


@pytest.fixture
def made(monkeypatch) -> list[object]:
    """The scalers that are made for HDR during a test."""
    scalers: list[object] = []
    make = av.video.reformatter.VideoReformatter

    class Counted:
        def __init__(self):
            self._inner, self.num_users = make(), 0
            scalers.append(self)

        def reformat(self, frame, **options):
            self.num_users += 1
            assert self.num_users == 1, "two threads use the scaler"
            try:
                return self._inner.reformat(frame, **options)
            finally:
                self.num_users -= 1

    class Module:
        VideoReformatter = Counted

    class Video:
        reformatter = Module

    class Av:
        video = Video

    monkeypatch.setattr("processing_fila.reader_scalers.av", Av)
    monkeypatch.setattr(reader_picture, "hdr_scalers", SharedScalers())
    return scalers


@pytest.mark.draws_ten_bits
def test_scalers_are_made_once_for_each_kind_and_give_the_same_pictures(made, tmp_path, monkeypatch):
    """Videos with different colors take turns, each with several decoders."""
    clips = [hdr_clip(tmp_path / "pq.mp4", PQ), hdr_clip(tmp_path / "hlg.mp4", HLG)]
    shared = [read_video(path, num_frames=4, size=SIZE, num_decoders=3).frames for path in (*clips, *clips)]
    assert len(made) == 2
    for first, second in zip(shared[:2], shared[2:], strict=True):
        np.testing.assert_array_equal(first, second)
    assert np.abs(shared[0].astype(int) - shared[1]).mean() > 1
    with VideoReader(clips[0]) as pq, VideoReader(clips[1]) as hlg:
        pairs = zip(pq.frames_at(range(10), size=SIZE), hlg.frames_at(range(10), size=SIZE), strict=True)
        mixed = [(first[0], second[0]) for first, second in pairs]
    assert len(made) == 2
    monkeypatch.setattr(reader_picture, "hdr_scalers", SharedScalers())
    with VideoReader(clips[1], num_decoders=1) as reader:
        alone = [frame for frame, _ in reader.frames_at(range(10), size=SIZE)]
    np.testing.assert_array_equal([second for _, second in mixed], alone)


def test_ordinary_video_needs_none(made, tmp_path):
    read_video(draw_clip(tmp_path / "clip.mp4", seconds=1), num_frames=2, size=SIZE)
    assert made == []


def test_one_thread_at_a_time_uses_a_scaler():
    scalers = SharedScalers()
    using: list[int] = []

    def use(number: int) -> int:
        with scalers.of(number % 2):
            using.append(number % 2)
            count = using.count(number % 2)
            time.sleep(0.002)
            using.remove(number % 2)
        return count

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(use, range(64))) == {1}


def test_scalers_that_were_not_used_for_longest_are_given_up():
    scalers = SharedScalers(max_kinds=2)
    found = {}
    for kind in ("a", "b", "a", "c"):  # "b" is given up for "c"
        with scalers.of(kind) as scaler:
            assert found.setdefault(kind, scaler) is scaler
    for kind, is_kept in (("a", True), ("c", True), ("b", False)):
        with scalers.of(kind) as scaler:
            assert (scaler is found[kind]) == is_kept


def test_a_scaler_in_use_does_not_stop_others():
    scalers = SharedScalers()
    with scalers.of("a"):
        thread = threading.Thread(target=lambda: scalers.of("b").__enter__())
        thread.start()
        thread.join(30)
        assert not thread.is_alive()
