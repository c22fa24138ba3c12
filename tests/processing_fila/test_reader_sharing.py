"""Several decoders: packets from one container, in batches; segments in any order; memory that does not grow."""

import contextlib
import subprocess
import sys
import time
from pathlib import Path

import av
import numpy as np
import pytest

from processing_fila.reader import VideoReader, read_video
from processing_fila.reader_index import Segment
from processing_fila.reader_parallel import decode_in_parallel
from processing_fila.reader_picture import SCALING, FramePainter, frame_geometry
from tests.clips import draw_clip


FIXED_GOPS = {"x264-params": "scenecut=0:bframes=2"}


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """80 frames, a key frame every 12."""
    return draw_clip(tmp_path_factory.mktemp("clips") / "clip.mp4", codec_options=FIXED_GOPS)


# --- one container ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "ts", "flv"])
@pytest.mark.parametrize("gop_size", [1, 12, 40])
def test_taking_turns_within_a_group_of_pictures(suffix, gop_size, tmp_path, monkeypatch):
    """Each decoder takes one packet at a time, and finds the container elsewhere when it needs the next packet."""
    path = draw_clip(tmp_path / f"clip.{suffix}", gop_size=gop_size, codec_options=FIXED_GOPS)
    expected = read_video(path, num_frames=80, num_decoders=1).frames
    monkeypatch.setattr("processing_fila.reader_packets.BATCH_BYTES", 1)
    monkeypatch.setattr("processing_fila.reader_packets.READ_ON_PACKETS", 0)
    np.testing.assert_array_equal(read_video(path, num_frames=80, num_decoders=3).frames, expected)
    with VideoReader(path, num_decoders=3) as reader:
        for (frame, _), place in zip(reader.frames_at(range(0, 80, 7)), range(0, 80, 7), strict=True):
            np.testing.assert_array_equal(frame, expected[place])


@pytest.mark.proc
def test_all_decoders_read_from_one_container(clip, monkeypatch):
    monkeypatch.setattr("processing_fila.reader.LOOKAHEAD_BYTES", 1)

    def num_open() -> int:
        found = 0
        for entry in Path("/proc/self/fd").iterdir():
            with contextlib.suppress(OSError):  # closed in the meantime by a decoder that has learned enough
                found += entry.readlink() == clip
        return found

    with VideoReader(clip, num_decoders=4) as reader:
        frames = reader.frames_at(range(80))
        next(frames)
        deadline = time.monotonic() + 30
        while num_open() != 1 and time.monotonic() < deadline:  # some decoders may still be opening
            time.sleep(0.05)
        assert num_open() == 1
        frames.close()
        assert num_open() == 0


# --- any order --------------------------------------------------------------------------------------------------------


class RecordingDecoder:
    """A decoder whose frames have the numbers of their segments. It records the order of the segments."""

    def __init__(self, order: list[int]):
        self._order = order

    def frames(self, segment: Segment):
        self._order.append(segment.start)
        yield from ((frame_index, None) for frame_index in segment.frames.tolist())

    def stop(self) -> None:
        pass

    def close(self) -> None:
        pass


@pytest.mark.parametrize(("in_order", "expected"), [(True, [0, 5, 30, 40]), (False, [5, 40, 0, 30])])
def test_long_segments_come_first_if_order_does_not_matter(in_order, expected):
    order: list[int] = []
    bounds = [(0, 5), (5, 30), (30, 31), (40, 50)]
    segments = [Segment(start, stop, np.array([start])) for start, stop in bounds]
    options = {"num_decoders": 1, "capacity": 1, "in_order": in_order}
    frames = decode_in_parallel(lambda _: RecordingDecoder(order), lambda: lambda frame: frame, segments, **options)
    assert [frame_index for frame_index, _ in frames] == order == expected


@pytest.mark.parametrize("num_decoders", [1, 2, 5])
def test_a_sample_has_its_frames_in_their_places(num_decoders, clip):
    video = read_video(clip, num_frames=23, num_decoders=num_decoders)
    with VideoReader(clip) as reader:
        frames, seconds = zip(*reader.frames_at(video.frame_indices), strict=True)
    np.testing.assert_array_equal(video.frames, frames)
    np.testing.assert_array_equal(video.seconds, seconds)


# --- painting ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("pix_fmt", ["yuv420p", "yuv444p", "yuvj420p", "gray"])
def test_planes_have_the_pixels_of_packed_rgb(pix_fmt, tmp_path):
    with av.open(str(draw_clip(tmp_path / "clip.mkv", pix_fmt=pix_fmt, seconds=0.3))) as container:
        frame = next(container.decode(video=0))
    painted = FramePainter(frame_geometry(frame, None), (50, 77)).paint(frame)
    options = {"width": 77, "height": 50, "interpolation": SCALING, "dst_color_range": 2}
    np.testing.assert_array_equal(painted, frame.reformat(format="rgb24", **options).to_ndarray())


# --- memory -----------------------------------------------------------------------------------------------------------

READ_AND_REPORT_PEAK = """
import sys
from processing_fila.reader import read_video
from tests.peak_memory import peak_bytes
assert len(read_video(sys.argv[1], num_frames=96, size=(384, 384), num_decoders=2).frames) == 96
print(peak_bytes())
"""
ROOT = Path(__file__).resolve().parents[2]


def repeat_clip(clip: Path, target: Path, times: int) -> Path:
    """Repeats the packets of a clip of 80 frames in 8 seconds."""
    with av.open(str(clip)) as source, av.open(str(target), "w") as container:
        stream = container.add_stream_from_template(source.streams.video[0])
        ticks_of_clip = round(8 / source.streams.video[0].time_base)
        for turn in range(times):
            source.seek(0)
            for packet in source.demux(video=0):
                if packet.size:
                    packet.stream = stream
                    packet.pts += turn * ticks_of_clip
                    packet.dts += turn * ticks_of_clip
                    container.mux(packet)
    return target


@pytest.mark.proc
@pytest.mark.slow
def test_memory_hardly_depends_on_the_length(tmp_path):
    """100,000 frames take 7 to 13 MB more than 8,000 frames, depending on malloc.

    FFmpeg's table of packets takes 5 MB of it, the reader's 1.2 MB. It was 19 to 21 MB when each decoder had a table.
    """
    clip = draw_clip(tmp_path / "clip.mp4", size=(480, 640), codec_options=FIXED_GOPS)
    peaks = []
    for times in (100, 1250):
        path = repeat_clip(clip, tmp_path / f"{times}.mp4", times)
        command = [sys.executable, "-c", READ_AND_REPORT_PEAK, str(path)]
        run = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT)
        peaks.append(int(run.stdout))
    assert peaks[1] - peaks[0] < 16e6
