"""Damaged files, files that are opened many times, workers of data loaders, and random damage."""

import gc
import os
import random
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from torch.utils.data import DataLoader, Dataset

from processing_fila import reader as video_reader
from processing_fila.reader import VideoDamageWarning, VideoReader, VideoReadError, read_video
from tests.clips import draw_clip


FIXED_GOPS = {"x264-params": "scenecut=0:bframes=2"}


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """80 frames, a key frame every 10: short groups, so that damage in one leaves the others."""
    return draw_clip(tmp_path_factory.mktemp("clips") / "clip.mp4", gop_size=10, codec_options=FIXED_GOPS)


def overwrite_packets(path: Path, target: Path, first: int, last: int) -> Path:
    """Makes a copy of a video in which packets `[first, last)` hold noise."""
    import av

    data = bytearray(path.read_bytes())
    with av.open(str(path)) as container:
        places = [(packet.pos, packet.size) for packet in container.demux(video=0) if packet.size]
    noise = random.Random(0)
    for start, size in places[first:last]:
        data[start + 4 : start + size] = noise.randbytes(size - 4)
    target.write_bytes(data)
    return target


# --- damage -----------------------------------------------------------------------------------------------------------


def test_damage_costs_the_frames_that_are_predicted_from_it(clip, tmp_path):
    """Everything from packet 31 up to key frame 40 is predicted from packet 31, which is damaged."""
    damaged = overwrite_packets(clip, tmp_path / "damaged.mp4", 31, 32)
    with VideoReader(damaged) as reader, VideoReader(clip) as whole:
        with pytest.warns(VideoDamageWarning, match="9 of 80 frames are damaged") as caught:
            frames = list(reader.frames_at(range(80)))
        assert len(caught) == 1
        kept = [*range(31), *range(40, 80)]
        np.testing.assert_allclose([seconds for _, seconds in frames], np.array(kept) / 10)
        for (frame, _), (expected, _) in zip(frames, whole.frames_at(kept), strict=True):
            np.testing.assert_array_equal(frame, expected)


@pytest.mark.parametrize("first", [30, 31])
def test_the_sample_is_spread_again_over_the_readable_frames(first, clip, tmp_path):
    damaged = overwrite_packets(clip, tmp_path / "damaged.mp4", first, first + 1)
    with pytest.warns(VideoDamageWarning, match=r"\d+ of 80 frames are damaged") as caught:
        video = read_video(damaged, num_frames=16)
    assert len(caught) == 1
    assert len(video.frames) == len(np.unique(video.frame_indices)) == 16
    assert video.frame_indices[0] == 0 and video.frame_indices[-1] == 79
    assert not set(video.frame_indices) & set(range(first, 40))
    whole = read_video(clip, num_frames=80)
    np.testing.assert_array_equal(video.frames, whole.frames[video.frame_indices])


@pytest.mark.filterwarnings("ignore::processing_fila.reader_errors.VideoDamageWarning")
def test_a_damaged_key_frame_in_keyframe_mode(clip, tmp_path):
    damaged = overwrite_packets(clip, tmp_path / "damaged.mp4", 30, 31)
    video = read_video(damaged, num_frames=8, seek_mode="keyframe")
    assert len(video.frames) >= 6
    assert set(video.frame_indices) <= {0, 10, 20, 40, 50, 60, 70}


def test_damage_that_affects_no_wanted_frame_gives_no_warning(clip, tmp_path):
    damaged = overwrite_packets(clip, tmp_path / "damaged.mp4", 31, 39)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        video = read_video(damaged, num_frames=2)
    assert video.frame_indices.tolist() == [0, 79]


def test_damaged_start(clip, tmp_path):
    damaged = overwrite_packets(clip, tmp_path / "damaged.mp4", 0, 10)
    with pytest.warns(VideoDamageWarning):
        video = read_video(damaged, num_frames=4)
    assert video.frame_indices[0] == 10 and len(video.frames) == 4


@pytest.mark.parametrize("suffix", ["mkv", "ts", "mp4"])
@pytest.mark.parametrize("part", [0.3, 0.7])
def test_truncated_file(suffix, part, tmp_path):
    """The rest is read, with the times of the whole file. (An MP4 file without its table has no rest.)"""
    options = {"container_options": {"movflags": "faststart"}} if suffix == "mp4" else {}
    whole = draw_clip(tmp_path / f"whole.{suffix}", gop_size=10, codec_options=FIXED_GOPS, **options)
    cut = tmp_path / f"cut.{suffix}"
    cut.write_bytes(whole.read_bytes()[: int(whole.stat().st_size * part)])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", VideoDamageWarning)
        video = read_video(cut, num_frames=80)
    expected = read_video(whole, num_frames=80)
    assert 1 < len(video.frames) < 80
    places = np.abs(video.seconds[:, None] - expected.seconds).argmin(axis=1)
    np.testing.assert_allclose(video.seconds, expected.seconds[places], atol=1e-3)
    np.testing.assert_array_equal(video.frames, expected.frames[places])


# --- many openings ----------------------------------------------------------------------------------------------------


def num_descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def open_many(count: int, sources: list[Path]) -> None:
    """Reads whole files, stops in the middle, and fails to open, in turn. At the end, no thread is left."""
    num_threads = threading.active_count()
    for turn in range(count):
        source = sources[turn % len(sources)]
        try:
            with warnings.catch_warnings(), VideoReader(source) as reader:
                warnings.simplefilter("ignore", VideoDamageWarning)
                frames = reader.frames_at(range(0, reader.num_frames, 9), size=(32, 48))
                next(frames) if turn % 2 else list(frames)
        except VideoReadError:
            pass
    gc.collect()
    end = time.monotonic() + 60
    while threading.active_count() > num_threads and time.monotonic() < end:  # a decoder's thread closes its file
        time.sleep(0.01)


@pytest.mark.proc
def test_many_opens_leave_nothing_behind(clip, tmp_path):
    damaged = overwrite_packets(clip, tmp_path / "damaged.mp4", 30, 31)
    (tmp_path / "text.mp4").write_text("no video")
    blank = overwrite_packets(clip, tmp_path / "blank.mp4", 0, 80)
    sources = [clip, damaged, tmp_path / "text.mp4", blank, tmp_path / "missing.mp4"]
    open_many(100, sources)  # allocates what is allocated only once
    descriptors, resident = num_descriptors(), resident_bytes()
    open_many(500, sources)
    assert num_descriptors() == descriptors
    assert resident_bytes() - resident < 8 * 2**20


# --- data loader workers ----------------------------------------------------------------------------------------------


class Clips(Dataset):
    """Items are the mean colors of a few frames of a clip."""

    def __init__(self, path: Path, count: int):
        self.path = path
        self.count = count

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, place: int) -> np.ndarray:
        return read_video(self.path, num_frames=4 + place % 3, size=(32, 48)).frames[:4].mean(axis=(1, 2))


def check_workers(path: Path, method: str, num_workers: int, count: int) -> None:
    """Checks that every item is what this process reads. It reads first, and a fork must survive its threads."""
    clips = Clips(path, count)
    expected = [clips[place] for place in range(3)]
    loader = DataLoader(clips, batch_size=None, num_workers=num_workers, multiprocessing_context=method, timeout=400)
    items = list(loader)
    assert len(items) == count
    for place, item in enumerate(items):
        np.testing.assert_array_equal(item, expected[place % 3])


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_workers(method, clip):
    check_workers(clip, method, num_workers=2, count=12)


def test_a_worker_has_one_decoder(clip, monkeypatch):
    """Workers run in parallel already. With several decoders each, they would compete for the CPUs."""
    asked, decode = [], video_reader.decode_in_parallel

    def watched(*args, num_decoders, **options):
        asked.append(num_decoders)
        return decode(*args, num_decoders=num_decoders, **options)

    def load(path):
        frames = read_video(path, num_frames=6).frames
        return asked[-1], frames

    monkeypatch.setattr(video_reader, "decode_in_parallel", watched)
    monkeypatch.setattr("processing_fila.reader_parallel._num_cpus", lambda: 3)
    here, expected = load(clip)
    options = {"num_workers": 1, "multiprocessing_context": "fork"}  # a fork needs no pickling of what is defined here
    of_worker, frames = next(iter(DataLoader([str(clip)], batch_size=None, collate_fn=load, **options)))
    assert (of_worker, here) == (1, 3)
    np.testing.assert_array_equal(frames, expected)


@pytest.mark.slow
@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_many_workers(method, clip):
    check_workers(clip, method, num_workers=8, count=400)


# --- random damage ----------------------------------------------------------------------------------------------------

# Reads each file named on standard input and prints the outcome, so that a crash or a hang differs from an error.
READ_ALL = """
import sys, warnings
from processing_fila import reader as video_reader
from processing_fila.reader import VideoDamageWarning, VideoReadError, read_video
warnings.simplefilter("ignore", VideoDamageWarning)
for line in sys.stdin:
    try:
        video = read_video(line.strip(), num_frames=6, size=(24, 32))
        assert len(video.frames) and video.frames.any(axis=(1, 2, 3)).all()
        print("frames", flush=True)
    except VideoReadError:
        print("VideoReadError", flush=True)
"""


def damage_at_random(data: bytes, chance: random.Random) -> bytes:
    """Cuts a file off anywhere, flips a few bits, or removes a run of bytes."""
    kind = chance.choice(["cut", "flip", "flip", "gap"])
    if kind == "cut":
        return data[: chance.randrange(1, len(data))]
    if kind == "gap":
        start = chance.randrange(len(data))
        return data[:start] + data[start + chance.randrange(1, 2000) :]
    damaged = bytearray(data)
    for _ in range(chance.choice([1, 4, 30, 300])):
        damaged[chance.randrange(len(damaged))] ^= 1 << chance.randrange(8)
    return bytes(damaged)


class ReadingProcess:
    """A process that reads videos one by one and has 60 seconds for each."""

    def __init__(self):
        self._process = subprocess.Popen(
            [sys.executable, "-c", READ_ALL], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )

    def read(self, path: Path) -> str:
        import select

        self._process.stdin.write(f"{path}\n")
        ready, _, _ = select.select([self._process.stdout], [], [], 60)
        return self._process.stdout.readline().strip() or "crash" if ready else "hang"

    def close(self) -> None:
        self._process.kill()
        self._process.communicate()


def check_random_damage(folder: Path, formats: dict[str, dict], num_cases: int, first_seed: int = 0) -> None:
    originals = [draw_clip(folder / f"whole.{name}", seconds=2, **options) for name, options in formats.items()]
    reading = ReadingProcess()
    try:
        for seed in range(first_seed, first_seed + num_cases):
            original = originals[seed % len(originals)]
            damaged = folder / f"damaged{original.suffix}"
            damaged.write_bytes(damage_at_random(original.read_bytes(), random.Random(seed)))
            assert reading.read(damaged) in ("frames", "VideoReadError"), f"seed {seed}, {original.name}"
    finally:
        reading.close()


FORMATS: dict[str, dict] = {
    "mp4": {},
    "mkv": {"codec_options": {"x264-params": "open-gop=1:keyint=8:bframes=3"}},
    "ts": {"gop_size": 6},
    "webm": {"codec": "libvpx-vp9"},
    "avi": {"codec": "mpeg4"},
    "gif": {"codec": "gif", "pix_fmt": "rgb8"},
    "flv": {},
    "mov": {"codec": "mjpeg", "pix_fmt": "yuvj420p"},
}


def test_random_damage(tmp_path):
    check_random_damage(tmp_path, FORMATS, num_cases=80)


@pytest.mark.slow
def test_much_random_damage(tmp_path):
    more: dict[str, Callable | dict] = {
        "hevc.mp4": {"codec": "libx265", "codec_options": {"x265-params": "log-level=none"}},
        "av1.mkv": {"codec": "libsvtav1"},
        "vp8.webm": {"codec": "libvpx", "codec_options": {"auto-alt-ref": "1", "lag-in-frames": "8"}},
        "mpeg2.ts": {"codec": "mpeg2video", "fps": 25},
    }
    check_random_damage(tmp_path, FORMATS | more, num_cases=2000, first_seed=1000)
