"""Files whose container is wrong about frames: times, key frames, clocks, fields, headers. Pictures are never wrong.

The truth is a plain decoder's view of the clips before they are tampered with, and the times they were drawn with.
"""

import warnings
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from processing_fila.reader import VideoReader, read_video
from processing_fila.reader_headers import predicted_test
from processing_fila.reader_times import clock_offsets, mend_times
from tests.clips import draw_clip, draw_frames
from tests.oracles import ffmpeg_program as oracle
from tests.tampered_clips import join_flv, packets_of, pictures_of, store, with_times, write_fields


TENTHS = np.arange(80) / 10
QUIET_X265 = {"x265-params": "log-level=none:bframes=2:keyint=12"}
B_FRAMES = {"bf": "2", "sc_threshold": "0"}


def check_reading(path: Path, pictures: list[np.ndarray], seconds=None, *, atol: float = 0.011) -> None:
    """Checks that a file gives these pictures, also in samples, and twice the same, without a warning."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for count in (len(pictures), 5, 16, 16):
            video = read_video(path, num_frames=count)
            assert video.total_frames == len(pictures)
            assert len(video.frames) == count
            for frame, frame_index in zip(video.frames, video.frame_indices, strict=True):
                np.testing.assert_array_equal(frame, pictures[frame_index], err_msg=f"frame {frame_index} of {count}")
            if seconds is not None:
                np.testing.assert_allclose(video.seconds, np.asarray(seconds)[video.frame_indices], atol=atol)
            assert (np.diff(video.seconds) > 0).all()
        with VideoReader(path) as reader:
            frames = [frame for frame, _ in reader.frames_at(range(reader.num_frames))]
        np.testing.assert_array_equal(frames, pictures)
        by_key = read_video(path, num_frames=7, seek_mode="keyframe")
        for frame, frame_index in zip(by_key.frames, by_key.frame_indices, strict=True):
            np.testing.assert_array_equal(frame, pictures[frame_index])


def is_sought(path: Path) -> bool:
    """Whether frames are found by seeking, and not by decoding all of them in their order."""
    with VideoReader(path) as reader:
        return reader._index.packets is not None


# --- single bad times -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        ([0, 10, 20], [0, 10, 20]),
        ([0, 10, 20, 20, 40, 50], [0, 10, 20, 30, 40, 50]),  # the second of two
        ([0, 10, 30, 30, 40, 50], [0, 10, 20, 30, 40, 50]),  # the first of two
        ([0, None, None, 30, 40], [0, 10, 20, 30, 40]),
        ([None, 10, 20, 30, None], [0, 10, 20, 30, 40]),
        ([0, 10, 9999, 30, 40], [0, 10, 20, 30, 40]),
        ([100, 110, 3, 130, 140], [100, 110, 120, 130, 140]),
        ([10, 10, 20, 30], [0, 10, 20, 30]),
        ([0, 0, 20, 30, 40], [0, 10, 20, 30, 40]),
        ([0, 10, 20, 20], [0, 10, 20, 30]),
        ([7], [7]),
        ([2**60, 2**60 + 1, 2**60 + 1, 2**60 + 3], [2**60, 2**60 + 1, 2**60 + 2, 2**60 + 3]),
    ],
)
def test_mended_times(times, expected):
    assert mend_times(times).tolist() == expected


@pytest.mark.parametrize("b_frames", ["0", "2"])
@pytest.mark.parametrize(("frame", "stored"), [(37, 3600), (37, 3800), (36, 3500), (37, 990_000), (37, 100), (0, 100)])
def test_one_bad_time_in_matroska(b_frames, frame, stored, tmp_path):
    clean = draw_clip(tmp_path / "clean.mkv", gop_size=5, codec_options=B_FRAMES | {"bf": b_frames})
    packets = with_times(packets_of(clean), lambda pts: stored if pts == 100 * frame else pts)
    path = store(tmp_path / "bad.mkv", clean, packets)
    check_reading(path, pictures_of(clean), TENTHS)
    assert is_sought(path)  # reading takes about as long as that of the clean file


@pytest.mark.parametrize("b_frames", ["0", "2"])
def test_sample_of_length_zero_in_mp4(b_frames, tmp_path):
    """The table of lengths has runs of equal ones, so all lengths differ here. The times after the sample move up."""
    steps = 50 + 10 * np.arange(30)
    options = B_FRAMES | {"bf": b_frames}
    seconds = np.cumsum([0, *steps[:-1]]) / 1000
    clean = draw_clip(tmp_path / "clean.mp4", frame_seconds=seconds, codec_options=options)
    data = bytearray(clean.read_bytes())
    entry = data.index(b"stts") + 12 + 8 * 14  # after the version and the number of entries; the 15th
    assert int.from_bytes(data[entry : entry + 4], "big") == 1
    removed = int.from_bytes(data[entry + 4 : entry + 8], "big")
    data[entry + 4 : entry + 8] = bytes(4)
    path = tmp_path / "zero.mp4"
    path.write_bytes(data)
    with av.open(str(clean)) as container:
        stream = container.streams.video[0]
        stored = np.array(sorted(p.pts for p in container.demux(stream) if p.pts is not None)) * stream.time_base
    assert removed > 0
    with VideoReader(path) as reader:
        assert reader.num_frames == 30
        gone = stored[-1] - stored[0] - reader.frame_seconds[-1]
        assert 0 < float(gone) < 0.5  # one length, and not another frame rate
        assert (np.diff(reader.frame_seconds) > 0).all()
    check_reading(path, pictures_of(clean))


# --- key-frame flags --------------------------------------------------------------------------------------------------

CODECS = {
    "libx264": {"codec_options": B_FRAMES},
    "libx265": {"codec_options": QUIET_X265},
    "mpeg4": {"codec_options": {"bf": "2"}},
    "mpeg2video": {"fps": 25, "codec_options": {"bf": "2"}},
    "mpeg1video": {"fps": 25},
    "msmpeg4": {},
    "msmpeg4v2": {},
    "wmv1": {},
    "wmv2": {},
    "flv": {},
    "libvpx": {},
    "libvpx-vp9": {},
    "libsvtav1": {},
}


@pytest.fixture(scope="module", params=CODECS)
def coded_clip(request, tmp_path_factory) -> Path:
    suffix = "mkv" if request.param.startswith(("lib", "mpeg")) else "nut"
    path = tmp_path_factory.mktemp("codecs") / f"{request.param}.{suffix}"
    return draw_clip(path, codec=request.param, **({"seconds": 4} | CODECS[request.param]))


def test_headers_say_what_the_decoder_says(coded_clip):
    with av.open(str(coded_clip)) as container:
        stream = container.streams.video[0]
        is_predicted = predicted_test(stream.codec_context.name, stream.codec_context.extradata)
        said = {packet.pts: is_predicted(memoryview(packet)) for packet in container.demux(stream) if packet.size}
    with av.open(str(coded_clip)) as container:
        decoded = {frame.pts: not frame.key_frame for frame in container.decode(video=0)}
    assert decoded == {pts: said[pts] for pts in decoded}
    assert 0 < sum(decoded.values()) < len(decoded)


@pytest.mark.parametrize("which", ["all", "wrong"])
def test_wrong_key_flags(coded_clip, which, tmp_path):
    """All packets are flagged, or every seventh one, whatever it is."""
    if "av1" in coded_clip.name:
        return  # PyAV copies no AV1 stream; see the test without a sync table
    packets = [replace(p, is_key=which == "all" or n % 7 == 0) for n, p in enumerate(packets_of(coded_clip))]
    path = tmp_path / f"flagged.{'nut' if coded_clip.suffix == '.nut' else 'mkv'}"
    store(path, coded_clip, packets, has_reordering=path.suffix == ".mkv")
    check_reading(path, pictures_of(coded_clip))
    assert is_sought(path)
    if which == "all":
        with VideoReader(path) as reader, VideoReader(coded_clip) as clean:
            np.testing.assert_array_equal(reader.key_frame_indices, clean.key_frame_indices)


@pytest.mark.parametrize("codec", ["libx264", "libx265", "mpeg4", "libsvtav1"])
def test_mp4_without_sync_table(codec, tmp_path):
    clean = draw_clip(tmp_path / "clean.mp4", codec=codec, **CODECS[codec])
    path = tmp_path / "no_stss.mp4"
    path.write_bytes(clean.read_bytes().replace(b"stss", b"free"))
    check_reading(path, pictures_of(clean), TENTHS)
    assert is_sought(path)
    with VideoReader(path) as reader, VideoReader(clean) as right:
        np.testing.assert_array_equal(reader.key_frame_indices, right.key_frame_indices)


def test_wrong_key_flags_that_no_header_shows(tmp_path):
    """Cinepak's header is not read. The decoder says that a frame is no key frame, which starts the reading again."""
    clean = draw_clip(tmp_path / "clean.nut", codec="cinepak", pix_fmt="rgb24", seconds=3)
    packets = [replace(packet, is_key=True) for packet in packets_of(clean)]
    path = store(tmp_path / "flagged.nut", clean, packets, has_reordering=False)
    check_reading(path, pictures_of(clean), TENTHS[:30])


# --- clocks that start again ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pts", "longest_gap", "expected"),
    [
        ([0, 1, 2, 3, 4, 5, 6, 7], None, None),
        ([0, 1, 2, 3, 0, 1, 2, 3], None, [0, 0, 0, 0, 4, 4, 4, 4]),
        ([0, 1, 2, 3, 900, 901, 902, 903], 100, [0, 0, 0, 0, -896, -896, -896, -896]),
        ([0, 1, 2, 3, 900, 901, 902, 903], None, None),  # the gap is real
        ([0, 1, 2, 99, 4, 5, 6, 7], 10, None),  # one wrong time is no part
        ([5, 6, 7, 8, 0, 10, 11, 12], 10, None),
        ([0, 20, 40, 60, 80, 100, 120, 140], 10, None),  # a slide show
    ],
)
def test_clock_offsets(pts, longest_gap, expected):
    is_key = np.arange(8) % 4 == 0
    offsets = clock_offsets(np.array(pts), is_key, longest_gap)
    assert (None if offsets is None else offsets.tolist()) == expected


@pytest.fixture(scope="module")
def parts(tmp_path_factory):
    """parts("ts", "2"): two clips of 3 and 2 seconds in this container, with so many B-frames."""
    folder = tmp_path_factory.mktemp("parts")

    def draw(suffix: str, b_frames: str) -> tuple[Path, Path]:
        both = []
        for scenes, seconds in ((4, 3), (7, 2)):
            path = folder / f"{scenes}_{b_frames}.{suffix}"
            options = B_FRAMES | {"bf": b_frames}
            if not path.exists():
                draw_clip(path, scenes=scenes, seconds=seconds, codec_options=options)
            both.append(path)
        return both[0], both[1]

    return draw


@pytest.mark.parametrize("b_frames", ["0", "2"])
@pytest.mark.parametrize("order", [1, -1])
def test_joined_transport_streams(b_frames, order, parts, tmp_path):
    both = parts("ts", b_frames)[::order]
    path = tmp_path / "joined.ts"
    path.write_bytes(b"".join(part.read_bytes() for part in both))
    check_reading(path, pictures_of(*both), TENTHS[:50])


@pytest.mark.ffmpeg
@pytest.mark.parametrize(("start_seconds", "order"), [(3600, 1), (95_300, -1)])
def test_transport_stream_with_a_later_clock(start_seconds, order, parts, tmp_path):
    """The ffmpeg program closes the gap, also to a part after the end of the clock, which has 33 bits (26 hours)."""
    first, second = parts("ts", "2")
    later, path = tmp_path / "later.ts", tmp_path / "joined.ts"
    oracle.ffmpeg("-i", second, "-c", "copy", "-output_ts_offset", str(start_seconds), later)
    path.write_bytes(b"".join(part.read_bytes() for part in (first, later)[::order]))
    remade = tmp_path / "remade.mkv"
    oracle.ffmpeg("-i", path, "-c:v", "ffv1", "-fps_mode", "passthrough", remade)
    check_reading(path, pictures_of(*(first, second)[::order]), oracle.frame_seconds(remade, 0))


@pytest.mark.parametrize("b_frames", ["0", "2"])
def test_flash_video_whose_clock_starts_again(b_frames, parts, tmp_path):
    both = parts("flv", b_frames)
    check_reading(join_flv(tmp_path / "joined.flv", *both), pictures_of(*both), TENTHS[:50])


@pytest.mark.parametrize("b_frames", ["0", "2"])
def test_matroska_whose_clock_starts_again(b_frames, parts, tmp_path):
    both = parts("mkv", b_frames)
    packets = packets_of(both[0]) + packets_of(both[1])
    path = store(tmp_path / "joined.mkv", both[0], packets)
    check_reading(path, pictures_of(*both), TENTHS[:50])


# --- packets that are not frames --------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", ["ts", "mkv", "mp4", "flv"])
@pytest.mark.parametrize("first_with_fields", [0, 15])
def test_fields_in_packets_of_their_own(suffix, first_with_fields, tmp_path):
    pictures = [frame[..., 1] for frame in draw_frames(30, size=(64, 96))]
    path = write_fields(tmp_path / f"fields.{suffix}", pictures, first_with_fields=first_with_fields)
    check_reading(path, pictures_of(path), TENTHS[:30])
    gray = [frame[..., 1] for frame in read_video(path, num_frames=30).frames]
    for frame, picture in zip(gray, pictures, strict=True):  # luma is stored as it is, from 16 to 235
        np.testing.assert_allclose(frame, ((picture - 16.0) * 255 / 219).clip(0, 255), atol=2)


# --- headers that come once -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [(64, 96), (48, 64)])
def test_new_header_in_flash_video(size, parts, tmp_path):
    first, _ = parts("flv", "0")
    options = {"profile": "baseline", "x264-params": "ref=1:scenecut=0"}
    second = draw_clip(tmp_path / "second.flv", scenes=7, seconds=2, size=size, codec_options=options)
    path = join_flv(tmp_path / "joined.flv", first, second, shift_ms=3000)
    calls = [read_video(path, num_frames=16) for _ in range(4)]
    for call in calls[1:]:
        np.testing.assert_array_equal(call.frames, calls[0].frames)
    if size == (64, 96):
        check_reading(path, pictures_of(first, second), TENTHS[:50])
    assert calls[0].total_frames == 50


@pytest.mark.parametrize("suffix", ["avi", "mov"])
def test_palette_that_comes_with_the_first_packet(suffix, tmp_path):
    path = tmp_path / f"colors.{suffix}"
    pictures = [np.array(Image.fromarray(frame).quantize(64).convert("RGB")) for frame in draw_frames(1)] * 30
    palette = Image.fromarray(pictures[0]).quantize(64)
    colors = np.array(palette.getpalette("RGB"), np.uint8).reshape(-1, 3)
    entries = np.full((256, 4), 255, np.uint8)
    entries[: len(colors), 1:] = colors
    indices = np.asarray(palette)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("rawvideo", rate=10)
        stream.height, stream.width, stream.pix_fmt = *indices.shape, "pal8"
        for number in range(30):
            frame = av.VideoFrame.from_ndarray((np.roll(indices, number, 1), entries), format="pal8")
            frame.pts, frame.time_base = number, Fraction(1, 10)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    check_reading(path, [np.roll(picture, number, 1) for number, picture in enumerate(pictures)], TENTHS[:30])


# --- decoding times stored as presentation times ----------------------------------------------------------------------


@pytest.mark.parametrize("codec", ["libx264", "libx265", "mpeg4"])
@pytest.mark.parametrize("suffix", ["mkv", "mp4", "mov", "nut"])
def test_decoding_times_as_presentation_times(codec, suffix, tmp_path):
    clean = draw_clip(tmp_path / "clean.mkv", codec=codec, **CODECS[codec])
    packets = [replace(packet, pts=100 * number) for number, packet in enumerate(packets_of(clean))]
    path = store(tmp_path / f"stored.{suffix}", clean, packets, has_reordering=False)
    check_reading(path, pictures_of(clean), TENTHS)


# --- times that a demuxer guesses after a seek ------------------------------------------------------------------------


@pytest.mark.parametrize("gop_size", [1, 12])
def test_mxf_without_index(gop_size, tmp_path):
    clean = draw_clip(tmp_path / "clean.mxf", codec="mpeg2video", fps=25, gop_size=gop_size)
    key = bytes.fromhex("060e2b34025301010d01020101100100")
    data = clean.read_bytes()
    num_indices = data.count(key)
    path = tmp_path / "no_index.mxf"
    path.write_bytes(data.replace(key, key[:-4] + b"\x7f" * 4))
    assert num_indices
    check_reading(path, pictures_of(clean), np.arange(200) / 25)


# --- raw streams ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("suffix", "codec"), [("h264", "libx264"), ("hevc", "libx265"), ("m1v", "mpeg1video")])
@pytest.mark.parametrize("fps", [24, 30, 50])
def test_raw_streams_have_the_rate_of_their_headers(suffix, codec, fps, tmp_path):
    options = QUIET_X265 if codec == "libx265" else {"bf": "2"}
    path = draw_clip(tmp_path / f"raw.{suffix}", codec=codec, fps=fps, seconds=2, codec_options=options)
    check_reading(path, pictures_of(path), np.arange(2 * fps) / fps, atol=1e-3)
