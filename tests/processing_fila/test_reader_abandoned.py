"""Iterators that are not used up: they keep no threads, lose no frames, and end with the reader and the interpreter."""

import gc
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from processing_fila.reader import VideoReader, VideoReadError, read_video
from processing_fila.reader_index import Segment
from processing_fila.reader_parallel import decode_in_parallel
from tests.clips import draw_clip


LONGEST_SECONDS = 30  # only to end a test that fails


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """80 frames, a key frame every 10."""
    options = {"x264-params": "scenecut=0:bframes=2"}
    return draw_clip(tmp_path_factory.mktemp("clips") / "clip.mp4", gop_size=10, codec_options=options)


@pytest.fixture
def busy(monkeypatch):
    """Little room, so that workers have to wait, and hardly any patience."""
    monkeypatch.setattr("processing_fila.reader.LOOKAHEAD_BYTES", 1)
    monkeypatch.setattr("processing_fila.reader_parallel.IDLE_SECONDS", 0.01)


def wait_for_threads(count: int) -> int:
    """Returns the number of threads once it is `count`, or after a long time."""
    end = time.monotonic() + LONGEST_SECONDS
    while threading.active_count() > count and time.monotonic() < end:
        time.sleep(0.01)
    return threading.active_count()


# --- threads ----------------------------------------------------------------------------------------------------------


def test_idle_iterators_keep_no_threads_and_go_on_later(clip, busy):
    before = threading.active_count()
    expected = read_video(clip, num_frames=80).frames
    with VideoReader(clip, num_decoders=4) as reader:
        iterators = [reader.frames_at(range(80)) for _ in range(5)]
        first = [next(iterator)[0] for iterator in iterators]
        assert wait_for_threads(before) == before
        for frame, iterator in zip(first, iterators, strict=True):
            np.testing.assert_array_equal([frame, *(frame for frame, _ in iterator)], expected)
    assert threading.active_count() == before


@pytest.mark.proc
def test_a_dropped_iterator_ends_its_threads_and_closes_the_file(clip, monkeypatch):
    monkeypatch.setattr("processing_fila.reader.LOOKAHEAD_BYTES", 1)
    threads, files = threading.active_count(), num_files(clip)
    with VideoReader(clip, num_decoders=4) as reader:
        iterator = reader.frames_at(range(80))
        next(iterator)
        assert num_files(clip) > files
        del iterator
        gc.collect()
        assert (threading.active_count(), num_files(clip)) == (threads, files)


def test_a_cycle_that_holds_an_iterator_is_collected(clip, busy):
    """Also if the collector runs in one of the iterator's own threads, which cannot wait for itself."""
    threads, files = threading.active_count(), num_files(clip)
    with VideoReader(clip, num_decoders=4) as reader:
        for _ in range(5):
            cycle = [reader.frames_at(range(80))]
            cycle.append(cycle)
            next(cycle[0])
            del cycle
        gc.collect()
        assert wait_for_threads(threads) == threads
        gc.collect()  # the first call does nothing if the collector was at work in another thread
        assert num_files(clip) == files


def test_an_iterator_that_ends_in_one_of_its_own_threads(clip, monkeypatch):
    """The garbage collector may run there. A thread that waited for itself would wait forever."""
    threads, files = threading.active_count(), num_files(clip)
    held: list[Iterator] = []
    is_held = threading.Event()
    painter = sys.modules["processing_fila.reader"].FramePainter
    paint = painter.paint
    painted: list[int] = []

    def paint_and_drop(self, frame):
        painted.append(frame.pts)
        if len(painted) > 1:
            is_held.wait(LONGEST_SECONDS)
            held.clear()
        return paint(self, frame)

    monkeypatch.setattr(painter, "paint", paint_and_drop)
    with VideoReader(clip, num_decoders=1) as reader:
        iterator = reader.frames_at(range(80))
        next(iterator)
        held.append(iterator)
        del iterator
        is_held.set()
        assert wait_for_threads(threads) == threads
    assert held == [] and len(painted) < 80
    assert num_files(clip) == files


def num_files(path: Path) -> int:
    """Returns how often this process has the file open."""
    if not Path("/proc/self/fd").exists():
        return 0
    links = [f"/proc/self/fd/{name}" for name in os.listdir("/proc/self/fd")]
    return sum(os.path.exists(link) and os.readlink(link) == str(path) for link in links)


@pytest.mark.parametrize("waits", [False, True])
def test_closing_the_reader_ends_its_iterators(waits, clip, busy):
    before = threading.active_count()
    reader = VideoReader(clip, num_decoders=4)
    iterators = [reader.frames_at(range(80)) for _ in range(3)]
    for iterator in iterators:
        next(iterator)
    if waits:
        assert wait_for_threads(before) == before
    reader.close()
    assert threading.active_count() == before
    for iterator in iterators:
        with pytest.raises(VideoReadError, match=r"clip.mp4: the reader was closed while its frames were being read"):
            next(iterator)
        assert list(iterator) == []
    assert num_files(clip) == 0


AT_EXIT = """
import sys, time
from processing_fila.reader import VideoReader
reader = VideoReader(sys.argv[1], num_decoders=4)
iterators = [reader.frames_at(range(reader.num_frames)) for _ in range(5)]
for iterator in iterators:
    next(iterator)
cycle = [iterators.pop()]
cycle.append(cycle)
sys.kept = iterators.pop()  # outlives the names of this module
time.sleep(float(sys.argv[2]))
"""


@pytest.mark.parametrize("seconds", ["0", "2"])
def test_iterators_at_the_end_of_the_interpreter(seconds, clip):
    """While workers decode or wait, and after they have given their threads back."""
    process = subprocess.run(
        [sys.executable, "-X", "dev", "-c", AT_EXIT, str(clip), seconds],
        capture_output=True,
        text=True,
        timeout=LONGEST_SECONDS * 4,
    )
    assert (process.returncode, process.stderr) == (0, "")


# --- no frame is lost -------------------------------------------------------------------------------------------------


class NumberDecoder:
    """Gives the numbers of the frames."""

    sample_aspect_ratio: Fraction | None = None

    def frames(self, segment: Segment):
        for index in segment.frames.tolist():
            yield index, SimpleNamespace(index=index)

    def stop(self) -> None:
        pass

    def close(self) -> None:
        pass


@pytest.mark.parametrize("in_order", [True, False])
@pytest.mark.parametrize("num_decoders", [1, 3, 16])
@pytest.mark.parametrize("capacity", [1, 3])
@pytest.mark.parametrize("length", [1, 7, 200])
def test_every_frame_comes_once(in_order, num_decoders, capacity, length, monkeypatch):
    """With workers that lose their thread at every chance, and a consumer that is sometimes slow."""
    monkeypatch.setattr("processing_fila.reader_parallel.IDLE_SECONDS", 0.0)
    segments = [Segment(start, start + length, np.arange(start, start + length)) for start in range(0, 600, length)]
    done: list[bool] = []
    found = []
    frames = decode_in_parallel(
        lambda _: NumberDecoder(),
        lambda: lambda decoded: np.array([decoded.index]),
        segments,
        num_decoders=num_decoders,
        capacity=capacity,
        in_order=in_order,
        when_done=lambda: done.append(True),
    )
    for index, frame in frames:
        assert frame.tolist() == [index]
        found.append(index)
        if index % 97 == 0:
            time.sleep(0.002)
    assert (found if in_order else sorted(found)) == list(range(segments[-1].stop))
    assert done == [True]


def test_frames_ahead_are_bounded_however_many_segments_there_are():
    """One frame in each segment: the decoders must not run through all of them."""
    painted: list[int] = []
    frames = decode_in_parallel(
        lambda _: NumberDecoder(),
        lambda: lambda frame: painted.append(frame.index) or np.array([frame.index]),
        [Segment(index, index + 1, np.array([index])) for index in range(500)],
        num_decoders=2,
        capacity=3,
    )
    for count in range(1, 101):
        next(frames)
        assert len(painted) <= count + 2 * 3 + 2 + 1  # waiting frames, one in the hands of each worker, and the next
    frames.close()
