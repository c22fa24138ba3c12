"""Samples of videos with many damaged frames: what is read, how often it is tried, and what that costs in packets."""

import random
import re
import warnings
from collections import Counter
from pathlib import Path

import av
import numpy as np
import pytest

from processing_fila import reader as video_reader
from processing_fila.reader import VideoDamageWarning, read_video
from processing_fila.reader_packets import PacketReader
from tests.clips import draw_clip
from tests.tampered_clips import pictures_of


NUM_FRAMES, NUM_ASKED = 120, 16
# In these clips, packet n holds frame n, and a key frame comes every `gop_size` frames.
CODECS: dict[str, dict] = {
    "mjpeg.mov": {"codec": "mjpeg", "pix_fmt": "yuvj420p", "gop_size": 1},
    "prores.mov": {"codec": "prores_ks", "pix_fmt": "yuv422p10le", "gop_size": 1},
    "h264.mp4": {"gop_size": 10, "codec_options": {"x264-params": "scenecut=0:bframes=0"}},
    "vp9.mp4": {"codec": "libvpx-vp9", "gop_size": 10, "codec_options": {"auto-alt-ref": "0", "lag-in-frames": "0"}},
}
DAMAGE = {
    "one packet": [57],
    "second half": range(NUM_FRAMES // 2, NUM_FRAMES),
    "here and there": random.Random(0).sample(range(NUM_FRAMES), 12),
}


@pytest.fixture(scope="module", params=CODECS)
def clip(request, tmp_path_factory) -> tuple[Path, int]:
    """A clip and the length of its groups."""
    options = CODECS[request.param]
    return draw_clip(tmp_path_factory.mktemp("clips") / request.param, seconds=12, **options), options["gop_size"]


def blank_packets(path: Path, target: Path, numbers, *, num_kept: int = 0) -> Path:
    """Makes a copy of a video in which these packets hold zeros after their first `num_kept` bytes."""
    data = bytearray(path.read_bytes())
    with av.open(str(path)) as container:
        for number, packet in enumerate(packet for packet in container.demux(video=0) if packet.size):
            if number in numbers:
                start, end = packet.pos + num_kept, packet.pos + packet.size
                data[start:end] = bytes(end - start)
    target.write_bytes(data)
    return target


@pytest.fixture
def work(monkeypatch) -> Counter:
    """Counts the packets that are given to decoders, and the times that decoding is started."""
    counts: Counter = Counter()
    read, decode = PacketReader.read, video_reader.decode_in_parallel

    def counted_read(self, start, stop):
        batch = read(self, start, stop)
        counts["packets"] += len(batch)
        return batch

    def counted_decode(*args, **options):
        counts["starts"] += 1
        return decode(*args, **options)

    monkeypatch.setattr(PacketReader, "read", counted_read)
    monkeypatch.setattr(video_reader, "decode_in_parallel", counted_decode)
    return counts


@pytest.mark.parametrize("kind", DAMAGE)
def test_samples_of_damaged_videos(kind, clip, work, tmp_path):
    """At most four samples with two looks at what is lost in between. Each look decodes a group of frames once.

    A group that is damaged after its key frame is decoded twice, the second time with the group before.
    """
    whole, gop_size = clip
    damaged = blank_packets(whole, tmp_path / whole.name, DAMAGE[kind])
    lost = {frame for first in DAMAGE[kind] for frame in range(first, first - first % gop_size + gop_size)}
    readable = sorted(set(range(NUM_FRAMES)) - lost)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        video = read_video(damaged, num_frames=NUM_ASKED, num_decoders=1)
    indices = video.frame_indices.tolist()
    assert len(set(indices)) == NUM_ASKED and set(indices) <= set(readable)
    assert (indices[0], indices[-1]) == (readable[0], readable[-1])
    pictures = pictures_of(whole)
    np.testing.assert_array_equal(video.frames, np.stack([pictures[index] for index in indices]))
    assert work["starts"] <= 6
    assert work["packets"] <= (NUM_FRAMES + 3 * NUM_ASKED if gop_size == 1 else 5 * NUM_FRAMES)
    if kind == "second half":
        (warning,) = caught
        assert re.search(f"{len(lost)} of {NUM_FRAMES} frames", str(warning.message))


@pytest.mark.filterwarnings("ignore::processing_fila.reader_errors.VideoDamageWarning")
def test_key_frames_are_looked_at_alone(work, tmp_path):
    """With `seek_mode="keyframe"`, no look decodes all frames."""
    whole = draw_clip(tmp_path / "whole.mp4", seconds=24, **CODECS["h264.mp4"])
    damaged = blank_packets(whole, tmp_path / "damaged.mp4", range(120, 240), num_kept=8)
    video = read_video(damaged, num_frames=8, seek_mode="keyframe", num_decoders=1)
    assert video.frame_indices.tolist() == [0, 20, 30, 50, 60, 80, 90, 110]  # nearest to 0, 15.7, 31.4, ...
    assert work["packets"] <= 120


def test_damage_of_one_part_does_not_look_at_the_rest(work, tmp_path):
    whole = draw_clip(tmp_path / "whole.mov", seconds=24, **CODECS["mjpeg.mov"])
    damaged = blank_packets(whole, tmp_path / "damaged.mov", range(40, 60))
    with pytest.warns(VideoDamageWarning), video_reader.VideoReader(damaged) as reader:
        work.clear()
        video = reader.sample(num_frames=16, start_seconds=2.0, end_seconds=5.95)
    assert set(video.frame_indices) <= set(range(20, 40)) and len(video.frames) == 16
    assert work["packets"] <= 40 + 3 * 16
