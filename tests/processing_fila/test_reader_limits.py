"""Files that were made to cost much: they are refused in time, with the found value and the limit, in little memory."""

import io
import re
import struct
import subprocess
import sys
import threading
import zlib
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace

import av
import numpy as np
import pytest
from PIL import Image

from processing_fila.reader import VideoReader, VideoReadError, read_video
from tests.clips import draw_clip


MAX_PEAK_BYTES = 400 * 2**20

# Reads the file whose name is the argument in a fresh process, and prints what came of it and the peak of its memory.
READ = """
import sys, threading, warnings
warnings.simplefilter("error")
warnings.simplefilter("ignore", ResourceWarning)
from processing_fila.reader import VideoReadError, read_video
from tests.peak_memory import peak_bytes
try:
    text = str(read_video(sys.argv[1], num_frames=8, size=(48, 64), num_decoders=2))
except VideoReadError as error:
    text = str(error)
assert threading.active_count() == 1, threading.enumerate()
print(text, peak_bytes(), sep="\\n")
"""


# --- hostile files, byte by byte --------------------------------------------------------------------------------------


def gif(width: int, height: int, num_frames: int = 1) -> bytes:
    """Each frame changes one pixel."""
    frame = b"\x21\xf9\x04\0\x0a\0\0\0" + b"\x2c" + struct.pack("<HHHHB", 0, 0, 1, 1, 0) + b"\x02\x02\x4c\x01\0"
    head = b"GIF89a" + struct.pack("<HHBBB", width, height, 0x80, 0, 0) + b"\0\0\0\xff\xff\xff"
    return head + num_frames * frame + b"\x3b"


def riff(*chunks: tuple[bytes, bytes]) -> bytes:
    body = b"WEBP" + b"".join(kind + struct.pack("<I", len(data)) + data for kind, data in chunks)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def webp(width: int, height: int, num_frames: int) -> bytes:
    """Each frame changes two by two pixels."""
    still = io.BytesIO()
    Image.new("RGB", (2, 2)).save(still, "WEBP", lossless=True)
    sizes = [(value - 1).to_bytes(3, "little") for value in (width, height, 2, 2)]
    frame = bytes(6) + sizes[2] + sizes[3] + (100).to_bytes(3, "little") + b"\0" + still.getvalue()[12:]
    head = [(b"VP8X", b"\x02\0\0\0" + sizes[0] + sizes[1]), (b"ANIM", bytes(6))]
    return riff(*head, *[(b"ANMF", frame)] * num_frames)


def lossless_webp(width: int, height: int) -> bytes:
    return riff((b"VP8L", b"\x2f" + struct.pack("<I", width - 1 | height - 1 << 14) + bytes(20)))


def lossy_webp(width: int, height: int) -> bytes:
    return riff((b"VP8 ", b"\x10\x02\0\x9d\x01\x2a" + struct.pack("<HH", width, height) + bytes(20)))


def apng(width: int, height: int) -> bytes:
    """Two black frames of one bit for each pixel."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    def control(number: int) -> bytes:
        return chunk(b"fcTL", struct.pack(">IIIIIHHBB", number, width, height, 0, 0, 1, 10, 0, 0))

    picture = zlib.compress(bytes((width // 8 + 1) * height), 9)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0))
        + chunk(b"acTL", struct.pack(">II", 2, 0))
        + control(0)
        + chunk(b"IDAT", picture)
        + control(1)
        + chunk(b"fdAT", struct.pack(">I", 2) + picture)
        + chunk(b"IEND", b"")
    )


def patched(data: bytes, box: bytes, **values: int) -> bytes:
    """Replaces numbers in the first box of a kind, each given with its place, as in `at4=1`."""
    changed, start = bytearray(data), data.index(box) + 4
    for place, value in values.items():
        struct.pack_into(">I", changed, start + int(place[2:]), value)
    return bytes(changed)


def mp4(tmp_path: Path, **options) -> bytes:
    return draw_clip(tmp_path / "plain.mp4", seconds=2, **options).read_bytes()


def equal_durations(tmp_path: Path) -> bytes:
    """2^26 samples of one byte and of one duration."""
    many = patched(mp4(tmp_path), b"stts", at4=1, at8=2**26)
    return patched(many, b"stsz", at4=1, at8=2**26)


def claimed_for_sound(tmp_path: Path) -> bytes:
    """The same, with sound's durations of 1 tick in a video track."""
    many = patched(mp4(tmp_path), b"stts", at4=1, at8=2**26, at12=1)
    return patched(many, b"stsz", at4=1, at8=2**26)


def sizes_without_table(tmp_path: Path) -> bytes:
    return patched(mp4(tmp_path), b"stsz", at4=3, at8=2**26)


def offsets(tmp_path: Path) -> bytes:
    return patched(mp4(tmp_path, codec_options={"bf": "2"}), b"ctts", at8=2**26)


def fragment(tmp_path: Path) -> bytes:
    """Samples without a byte of their own in the table."""
    data = mp4(tmp_path, container_options={"movflags": "frag_keyframe+empty_moov"})
    return patched(data, b"trun", at0=1, at4=2**26)


def compressed_tables(tmp_path: Path) -> bytes:
    """A movie box that is compressed, as QuickTime 3 wrote it."""
    data = equal_durations(tmp_path)
    start = data.index(b"moov") - 4
    size = int.from_bytes(data[start : start + 4], "big")
    packed = struct.pack(">I", size) + zlib.compress(data[start : start + size])

    def box(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content) + 8) + kind + content

    return data[:start] + box(b"moov", box(b"cmov", box(b"dcom", b"zlib") + box(b"cmvd", packed)))


TOO_LARGE = r"has a picture of 16000 x 16000 = 256000000 pixels .* more than max_pixels=67108864: raise max_pixels"
TOO_MUCH_WORK = r"\d{10} pixels would have to be decoded from a file of \d+ bytes, more than 16 \* max_pixels"
TOO_MANY_SAMPLES = r"its table '{}' claims \d+ samples or bytes, and the file has \d+ bytes"


@pytest.mark.proc
@pytest.mark.parametrize(
    ("make", "cause"),
    [
        (lambda _: gif(16000, 16000), TOO_LARGE),
        (lambda _: gif(65535, 65535), r"65535 x 65535 = 4294836225 pixels"),
        (lambda _: gif(6000, 6000, 300), TOO_MUCH_WORK),
        (lambda _: apng(16000, 16000), TOO_LARGE),
        (lambda _: webp(16000, 16000, 2), TOO_LARGE),
        (lambda _: webp(8000, 8000, 96), TOO_MUCH_WORK),
        (lambda _: lossless_webp(16000, 16000), TOO_LARGE),
        (lambda _: lossy_webp(16000, 16000), TOO_LARGE),
        (equal_durations, TOO_MANY_SAMPLES.format("stts")),
        (claimed_for_sound, TOO_MANY_SAMPLES.format("stts")),
        (sizes_without_table, TOO_MANY_SAMPLES.format("stsz")),
        (offsets, TOO_MANY_SAMPLES.format("ctts")),
        (fragment, TOO_MANY_SAMPLES.format("trun")),
        (compressed_tables, TOO_MANY_SAMPLES.format("stts")),
    ],
)
def test_hostile_files_are_refused_in_little_memory(make: Callable[[Path], bytes], cause, tmp_path):
    path = tmp_path / "hostile"
    path.write_bytes(make(tmp_path))
    process = subprocess.run([sys.executable, "-c", READ, str(path)], capture_output=True, text=True, check=True)
    text, peak = process.stdout.splitlines()
    assert text.startswith(str(path))
    assert re.search(cause, text), text
    assert int(peak) < MAX_PEAK_BYTES
    assert process.stderr == ""


def test_earlier_frames_of_a_long_animation_can_be_read():
    with VideoReader(gif(400, 400, 300), max_pixels=160_000, num_decoders=1) as reader:
        reader._source.guard._num_bytes = 0  # as if the file were smaller still
        assert len(list(reader.frames_at([0, 15]))) == 2
        with pytest.raises(VideoReadError, match="2720000 pixels would have to be decoded from a file of 0 bytes"):
            list(reader.frames_at([16]))


def test_work_in_an_animation_of_webp_is_bounded():
    assert VideoReader(webp(300, 300, 16), max_pixels=90_000).num_frames == 16
    with pytest.raises(VideoReadError, match=r"300000000 pixels would have to be decoded from a file of \d+ bytes"):
        VideoReader(webp(3000, 2000, 50), max_pixels=6_000_000)


# --- the size of pictures ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "codec"),
    [
        ("clip.mp4", "libx264"),
        ("clip.mkv", "mpeg4"),
        ("clip.webm", "libvpx-vp9"),
        ("clip.avi", "mpeg4"),
        ("clip.ts", "libx264"),
        ("clip.mpg", "mpeg2video"),
        ("clip.flv", "flv1"),
        ("clip.h264", "libx264"),
    ],
)
def test_the_limit_holds_exactly(name, codec, tmp_path):
    path = draw_clip(tmp_path / name, codec=codec, seconds=0.4, fps=25, size=(240, 320))
    VideoReader(path, max_pixels=240 * 320).close()
    for limit in (240 * 320 - 1, 100):
        with pytest.raises(VideoReadError, match=rf"{name} has a picture of .* more than max_pixels={limit}"):
            VideoReader(path, max_pixels=limit)


def test_8k_video_is_within_the_default():
    with VideoReader(gif(7680, 4320)) as reader:
        assert (reader.height, reader.width) == (4320, 7680)


@pytest.mark.parametrize("suffix", ["h264", "ts"])
@pytest.mark.parametrize("limit", [100_000, 600_000])
def test_a_picture_that_is_larger_than_the_first(suffix, limit, tmp_path):
    small = draw_clip(tmp_path / f"small.{suffix}", seconds=1).read_bytes()
    large = draw_clip(tmp_path / f"large.{suffix}", seconds=1, size=(640, 960)).read_bytes()
    assert len(read_video(small + large, num_frames=20, size=(64, 96)).frames) == 20
    with pytest.raises(VideoReadError, match=f"a picture of 640 x 960 = 614400 pixels .* max_pixels={limit}"):
        read_video(small + large, num_frames=20, size=(64, 96), max_pixels=limit)


@pytest.mark.parametrize(
    ("ratio", "width"),
    [(Fraction(16), 1536), (Fraction(1, 16), 6), (Fraction(17), 96), (Fraction(65535), 96), (Fraction(1, 65535), 96)],
)
def test_pixels_that_cannot_be_so_wide_are_square(ratio, width, tmp_path):
    path = draw_clip(tmp_path / "wide.mp4", seconds=1, sample_aspect_ratio=ratio)
    assert read_video(path, num_frames=2).frames.shape == (2, 64, width, 3)


def test_the_limit_counts_the_picture_as_it_is_shown(tmp_path):
    path = draw_clip(tmp_path / "wide.mp4", seconds=1, sample_aspect_ratio=Fraction(16))
    with pytest.raises(VideoReadError, match=r"64 x 1536 = 98304 pixels .* max_pixels=98303"):
        VideoReader(path, max_pixels=98303)


def test_frames_kept_at_their_own_size(tmp_path):
    path = draw_clip(tmp_path / "clip.mp4", seconds=8)
    limit = 64 * 96
    assert len(read_video(path, num_frames=64, max_pixels=limit).frames) == 64
    with pytest.raises(VideoReadError, match=r"65 frames of 64 x 96 pixels are 399360 .* 64 \* max_pixels = 393216"):
        read_video(path, num_frames=65, max_pixels=limit)
    assert len(read_video(path, num_frames=80, size=(64, 96), max_pixels=limit).frames) == 80
    with VideoReader(path, max_pixels=limit) as reader:
        assert len(list(reader.frames_at(range(80)))) == 80


# --- time -------------------------------------------------------------------------------------------------------------


@pytest.fixture
def clock(monkeypatch) -> list[float]:
    """The time that the limits see; a test moves it. PyAV's own clock stays as it is."""
    now = [1000.0]
    monkeypatch.setattr("processing_fila.reader_limits.time", SimpleNamespace(monotonic=lambda: now[0]))
    return now


def test_time_between_two_frames_belongs_to_the_caller(clock, tmp_path):
    path = draw_clip(tmp_path / "clip.mp4", seconds=2)
    with VideoReader(path, max_seconds=10) as reader:
        for _ in reader.frames_at(range(20)):
            clock[0] += 60
        assert reader._source.guard.seconds_left() == 10


def test_time_of_reading_is_limited_in_total(clock, tmp_path, monkeypatch):
    path = draw_clip(tmp_path / "clip.mp4", seconds=2)
    num_threads = threading.active_count()
    with VideoReader(path, max_seconds=10) as reader:
        paint = sys.modules["processing_fila.reader"].FramePainter.paint

        def slow(painter, frame):
            clock[0] += 1
            return paint(painter, frame)

        monkeypatch.setattr("processing_fila.reader.FramePainter.paint", slow)
        reader.sample(num_frames=6)
        with pytest.raises(VideoReadError, match=r"clip.mp4: reading takes longer than max_seconds=10: ask for fewer"):
            for _ in range(10):
                reader.sample(num_frames=6)
    assert threading.active_count() == num_threads


@pytest.mark.parametrize("suffix", ["mp4", "ts", "webp"])
def test_opening_takes_time_too(suffix, tmp_path):
    path = tmp_path / f"clip.{suffix}"
    if suffix == "webp":
        path.write_bytes(webp(64, 64, 10))
    else:
        draw_clip(path, seconds=2)
    with pytest.raises(VideoReadError, match=f"clip.{suffix}: reading takes longer than max_seconds=1e-09"):
        VideoReader(path, max_seconds=1e-9)


@pytest.mark.parametrize("option", ["max_pixels", "max_seconds"])
@pytest.mark.parametrize("value", [0, -1, float("nan")])
def test_limits_are_positive(option, value, tmp_path):
    with pytest.raises(ValueError, match=f"{option} must be positive, got {value}"):
        VideoReader(draw_clip(tmp_path / "clip.mp4", seconds=1), **{option: value})


# --- what is not hostile ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("codec", ["pcm_u8", "pcm_s16le"])
def test_uncompressed_sound_has_more_samples_than_bytes_elsewhere(codec, tmp_path):
    """An hour of sound with 1 tick for each sample, beside two seconds of video."""
    path = tmp_path / "sound.mov"
    with av.open(str(path), "w") as container:
        sound = container.add_stream(codec, rate=8000, layout="mono")
        video = container.add_stream("mpeg4", rate=10)
        video.width, video.height, video.pix_fmt = 96, 64, "yuv420p"
        layout = "u8" if codec == "pcm_u8" else "s16"
        samples = np.zeros((1, 160_000), np.uint8 if layout == "u8" else np.int16)
        frame = av.AudioFrame.from_ndarray(samples, format=layout, layout="mono")
        frame.sample_rate = 8000
        container.mux([*sound.encode(frame), *sound.encode(None)])
        for value in range(20):
            picture = av.VideoFrame.from_ndarray(np.full((64, 96, 3), value, np.uint8), format="rgb24")
            container.mux(video.encode(picture))
        container.mux(video.encode(None))
    assert len(read_video(path, num_frames=20).frames) == 20


def test_errors_of_ffmpeg_have_the_name_of_the_file(tmp_path, monkeypatch):
    path = draw_clip(tmp_path / "clip.mp4", seconds=1)

    def fail(*_):
        raise av.error.InvalidDataError(1094995529, "Invalid data found when processing input", "filter")

    with VideoReader(path) as reader:
        monkeypatch.setattr("processing_fila.reader.FramePainter.paint", fail)
        with pytest.raises(VideoReadError, match="clip.mp4 cannot be read: Invalid data found"):
            reader.sample(num_frames=2)
        monkeypatch.setattr("processing_fila.reader_probe.list_packets", fail)
    with pytest.raises(VideoReadError, match="clip.mp4 cannot be read: Invalid data found"):
        VideoReader(path)
