"""Times and frames of the reader, compared with the ffmpeg program and with plain decoding from the first frame on."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from processing_fila.reader import VideoDamageWarning, VideoReader
from processing_fila.reader_picture import FramePainter
from tests.clips import draw_clip, draw_frames
from tests.oracles import ffmpeg_program as oracle


SIZE = (48, 80)
QUIET_X265 = {"x265-params": "log-level=none"}
IRREGULAR = [0, 0.1, 0.15, 0.4, 1, 1.01, 3, 3.033, 3.5, 7.25]
# BT.709 and BT.601 matrices, limited and full range, in the numbers of ITU-T H.273.
BT709, BT601, LIMITED, FULL = 1, 6, 1, 2

CLIPS = {
    "h264.mp4": {},
    "deep_references.mp4": {"gop_size": 40, "codec_options": {"x264-params": "bframes=8:ref=6:b-pyramid=normal"}},
    "open_gop.mkv": {"codec_options": {"x264-params": "open-gop=1:keyint=12:bframes=3:scenecut=0"}},
    "intra_refresh.mp4": {"codec_options": {"x264-params": "intra-refresh=1:keyint=15"}},
    "one_gop.mp4": {"gop_size": 1000, "codec_options": {"x264-params": "scenecut=0"}},
    "all_key.mp4": {"gop_size": 1},
    "fragmented.mp4": {"container_options": {"movflags": "frag_keyframe+empty_moov+default_base_moof"}},
    "hevc_open_gop.mp4": {"codec": "libx265", "codec_options": {"x265-params": "log-level=none:open-gop=1:keyint=12"}},
    "hevc_layers.mp4": {"codec": "libx265", "codec_options": {"x265-params": "log-level=none:temporal-layers=1"}},
    "ten_bit.mkv": {"codec": "libx265", "pix_fmt": "yuv420p10le", "codec_options": QUIET_X265},
    "vp8_hidden_frames.webm": {
        "codec": "libvpx",
        "codec_options": {"auto-alt-ref": "1", "lag-in-frames": "16", "b": "300k", "arnr-maxframes": "5"},
    },
    "vp9.webm": {"codec": "libvpx-vp9"},
    "av1.mp4": {"codec": "libsvtav1"},
    "mpeg4.avi": {"codec": "mpeg4"},
    "mpeg4_b_frames.mkv": {"codec": "mpeg4", "codec_options": {"bf": "2"}},
    "mpeg2.ts": {"codec": "mpeg2video", "fps": 25, "codec_options": {"bf": "2"}},
    "h264.ts": {"gop_size": 8},
    "h264.flv": {},
    "motion_jpeg.avi": {"codec": "mjpeg", "pix_fmt": "yuvj420p"},
    "prores.mov": {"codec": "prores_ks", "pix_fmt": "yuv422p10le"},
    "live.mkv": {"container_options": {"live": "1"}},
    "live.webm": {"codec": "libvpx-vp9", "container_options": {"live": "1"}},
    "variable_rate.mp4": {"frame_seconds": IRREGULAR},
    "variable_rate.mkv": {"frame_seconds": IRREGULAR},
    "late_start.mkv": {"frame_seconds": np.arange(30) / 10 + 5.3},
    "late_start.ts": {"frame_seconds": np.arange(30) / 10 + 5.3},
    "longer_audio.mp4": {"audio_seconds": 12},
    "one_frame.mp4": {"seconds": 0.1},
    "odd.mkv": {"size": (63, 97), "pix_fmt": "yuv444p"},
    "wide_pixels.mp4": {"sample_aspect_ratio": Fraction(4, 3)},
    "limited_range_709.mp4": {"color": {"colorspace": BT709, "color_range": LIMITED}},
    "full_range_709.mp4": {"color": {"colorspace": BT709, "color_range": FULL}, "pix_fmt": "yuvj420p"},
    "limited_range_601.mp4": {"color": {"colorspace": BT601, "color_range": LIMITED}},
    "full_range_601.mp4": {"color": {"colorspace": BT601, "color_range": FULL}, "pix_fmt": "yuvj420p"},
    "gray.mkv": {"pix_fmt": "gray"},
    "interlaced.mp4": {"codec_options": {"x264-params": "interlaced=1"}},
    "colors.gif": {"codec": "gif", "pix_fmt": "rgb8"},
} | {
    f"turned_{degrees}{'_mirrored' * mirrored}.mp4": {
        "rotation_degrees": degrees,
        "is_mirrored": mirrored,
        "pix_fmt": "yuv444p",  # the oracle rotates before it resizes, which would move subsampled chroma
    }
    for degrees in (0, 90, 180, 270)
    for mirrored in (False, True)
    if degrees or mirrored
}
REAL = ["av1.mkv", "coffee.mp4", "dog.mp4", "dog_live.mkv", "h265.mp4", "juggle.mp4", "nasa_13013.mp4"]
REAL += ["non_zero_start.mp4", "rotated_90.mov", "vp9.webm"]


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """clip("live.mkv"): draws it once."""
    folder = tmp_path_factory.mktemp("clips")

    def path_of(name: str) -> Path:
        path = folder / name
        return path if path.exists() else draw_clip(path, **CLIPS[name])

    return path_of


def check_against_ffmpeg(path: Path) -> None:
    """Compares every frame and every time of a video with those of ffmpeg."""
    with av.open(str(path)) as container:
        stream = container.streams.best("video").index
    pictures = oracle.decode_all(path, SIZE, stream=stream)
    with VideoReader(path) as reader:
        frames, seconds = zip(*reader.frames_at(range(reader.num_frames), size=SIZE), strict=True)
    assert len(frames) == len(pictures)
    np.testing.assert_allclose(seconds, oracle.frame_seconds(path, stream), atol=1e-3)
    worst = min(map(oracle.psnr, frames, pictures))
    assert worst >= 40


def check_against_plain_decoding(path: Path) -> None:
    """Checks that few and many frames are exactly those of decoding from the first frame on."""
    with VideoReader(path) as reader:
        expected = decode_plainly(path, reader)
        for count in (1, 5, reader.num_frames // 2):
            wanted = np.linspace(0, reader.num_frames - 1, max(count, 1)).round().astype(int)
            frames = reader.frames_at(wanted, size=SIZE)
            for (frame, seconds), frame_index in zip(frames, np.unique(wanted), strict=True):
                assert seconds == reader.frame_seconds[frame_index]
                np.testing.assert_array_equal(frame, expected[frame_index])


def decode_plainly(path: Path, reader: VideoReader) -> list[np.ndarray]:
    painter = FramePainter(reader._geometry, SIZE)
    with av.open(str(path)) as container:
        frames = list(container.decode(container.streams.best("video")))
    return [painter.paint(frame) for frame in frames]


@pytest.mark.ffmpeg
@pytest.mark.parametrize("name", CLIPS)
def test_drawn_clip_agrees_with_ffmpeg(name, clip):
    check_against_ffmpeg(clip(name))


@pytest.mark.ffmpeg
@pytest.mark.parametrize("name", REAL)
def test_real_clip_agrees_with_ffmpeg(name, real_video):
    check_against_ffmpeg(real_video(name))


@pytest.mark.parametrize("name", CLIPS)
def test_drawn_clip_is_as_decoded_plainly(name, clip):
    check_against_plain_decoding(clip(name))


@pytest.mark.parametrize("name", REAL)
def test_real_clip_is_as_decoded_plainly(name, real_video):
    check_against_plain_decoding(real_video(name))


@pytest.mark.ffmpeg
def test_edit_list(clip, tmp_path):
    """A cut between key frames, without encoding again. The frames before it are stored and not shown."""
    path = tmp_path / "cut.mp4"
    oracle.ffmpeg("-ss", "1.75", "-i", clip("h264.mp4"), "-c", "copy", path)
    check_against_ffmpeg(path)
    check_against_plain_decoding(path)
    with VideoReader(path) as reader:
        assert reader.num_frames == 80 - 18  # frames 18 to 79 are shown at 1.8 s and later


@pytest.mark.ffmpeg
def test_edit_list_that_hides_the_only_key_frame(clip, tmp_path):
    path = tmp_path / "cut.mp4"
    oracle.ffmpeg("-ss", "1.75", "-i", clip("one_gop.mp4"), "-c", "copy", path)
    check_against_ffmpeg(path)
    with VideoReader(path) as reader:
        assert [seconds for _, seconds in reader.frames_at([5, 50], seek_mode="keyframe")] == [0.0]


@pytest.mark.parametrize(("suffix", "fps"), [("avi", 10), ("h264", 10)])
def test_files_without_presentation_times(suffix, fps, tmp_path):
    """H.264 with B-frames in AVI, and as a raw stream, whose parameter sets have a frame rate."""
    path = draw_clip(tmp_path / f"drawn.{suffix}")
    with VideoReader(path) as reader:
        np.testing.assert_allclose(reader.frame_seconds, np.arange(80) / fps, atol=1e-3)
    check_against_plain_decoding(path)


@pytest.mark.ffmpeg
def test_damaged_real_clip(real_video):
    """One GOP with damaged packets from 3.0 s on. The decoder invents parts of the frames that depend on them."""
    path = real_video("corrupted.mp4")
    pictures = oracle.decode_all(path, SIZE, stream=0)
    with VideoReader(path) as reader, pytest.warns(VideoDamageWarning, match="corrupted.mp4: 21 of 50 frames"):
        frames, seconds = zip(*reader.frames_at(range(reader.num_frames), size=SIZE), strict=True)
    np.testing.assert_allclose(seconds, np.arange(29) / 10, atol=1e-3)
    worst = min(map(oracle.psnr, frames, pictures[:29]))
    assert worst >= 40


def test_duration_is_that_of_the_pictures(clip):
    with VideoReader(clip("longer_audio.mp4")) as reader:
        assert reader.duration_seconds == pytest.approx(8)
        assert reader.average_fps == pytest.approx(10)


@pytest.mark.parametrize("name", ["late_start.mkv", "late_start.ts"])
def test_times_count_from_the_first_frame(name, clip):
    with VideoReader(clip(name)) as reader:
        np.testing.assert_allclose(reader.frame_seconds, np.arange(30) / 10, atol=1e-3)


@pytest.mark.parametrize("name", ["variable_rate.mp4", "variable_rate.mkv"])
def test_times_of_a_variable_rate(name, clip):
    with VideoReader(clip(name)) as reader:
        np.testing.assert_allclose(reader.frame_seconds, IRREGULAR, atol=1e-3)


def test_shape_follows_rotation_and_pixels(clip):
    with VideoReader(clip("turned_90.mp4")) as turned, VideoReader(clip("wide_pixels.mp4")) as wide:
        assert (turned.height, turned.width, turned.rotation_degrees) == (96, 64, 90)
        assert (wide.height, wide.width, wide.rotation_degrees) == (64, 128, 0)
        assert next(turned.frames_at([0]))[0].shape == (96, 64, 3)
        assert next(wide.frames_at([0]))[0].shape == (64, 128, 3)


# --- transparency -----------------------------------------------------------------------------------------------------

CLEAR, SOLID, HALF = (0, 47), (16, 10), (16, 30)  # rows and columns


def draw_transparent() -> list[np.ndarray]:
    """Five red pictures (32, 48, 4): clear, but for a solid square, one that is half so, and a moving green bar."""
    pictures = np.zeros((5, 32, 48, 4), np.uint8)
    pictures[..., :3] = [200, 30, 30]
    pictures[:, 8:24, 8:24, 3] = 255
    pictures[:, 8:24, 24:40, 3] = 128
    for place, picture in enumerate(pictures):
        picture[:, 4 * place : 4 * place + 2] = [10, 200, 10, 255]
    return list(pictures)


def save_with_pyav(path: Path, codec: str, pix_fmt: str, options: dict[str, str]) -> None:
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=10, options=options)
        stream.height, stream.width, stream.pix_fmt = 32, 48, pix_fmt
        for picture in draw_transparent():
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgba").reformat(format=pix_fmt)))
        container.mux(stream.encode(None))


def save_with_pillow(path: Path) -> None:
    first, *others = map(Image.fromarray, draw_transparent())
    options = {"lossless": True} if path.suffix == ".webp" else {"disposal": 2}
    first.save(path, save_all=True, append_images=others, duration=[100, 100, 300, 100, 150], **options)


@pytest.mark.parametrize(
    ("name", "codec", "pix_fmt", "options"),
    [
        ("vp8.webm", "libvpx", "yuva420p", {"auto-alt-ref": "0"}),
        ("vp9.webm", "libvpx-vp9", "yuva420p", {"auto-alt-ref": "0"}),
        ("prores.mov", "prores_ks", "yuva444p10le", {}),
        ("apng.apng", "apng", "rgba", {}),
    ],
)
def test_transparency_is_on_white(name, codec, pix_fmt, options, tmp_path):
    save_with_pyav(tmp_path / name, codec, pix_fmt, options)
    with VideoReader(tmp_path / name) as reader:
        assert reader.num_frames == 5
        for frame, _ in reader.frames_at([1, 4]):
            np.testing.assert_allclose(frame[CLEAR], [255, 255, 255], atol=2)
            np.testing.assert_allclose(frame[SOLID], [200, 30, 30], atol=4)
            np.testing.assert_allclose(frame[HALF], [227, 142, 142], atol=4)


@pytest.mark.parametrize("name", ["animated.webp", "animated.gif"])
def test_animations(name, tmp_path):
    save_with_pillow(tmp_path / name)
    with VideoReader(tmp_path / name) as reader:
        np.testing.assert_allclose(reader.frame_seconds, [0, 0.1, 0.2, 0.5, 0.6])
        if name.endswith("webp"):
            assert reader.duration_seconds == pytest.approx(0.75)
        for (frame, _), bar in zip(reader.frames_at([1, 2, 4]), (4, 8, 16), strict=True):
            np.testing.assert_array_equal(frame[CLEAR], [255, 255, 255])
            np.testing.assert_allclose(frame[2, bar], [10, 200, 10], atol=2)
            np.testing.assert_allclose(frame[10, 22], [200, 30, 30], atol=2)


@pytest.mark.parametrize("suffix", ["webp", "gif"])
def test_delay_of_zero_in_animations(suffix, tmp_path):
    """Browsers show such a picture for 100 ms."""
    pictures = list(draw_frames(6))
    first, *others = map(Image.fromarray, pictures)
    path = tmp_path / f"zero.{suffix}"
    options = {"lossless": True} if suffix == "webp" else {}
    durations = [200, 0, 200, 200, 0, 200]
    first.save(path, save_all=True, append_images=others, duration=durations, **options)
    with VideoReader(path) as reader:
        np.testing.assert_allclose(reader.frame_seconds, [0, 0.2, 0.3, 0.5, 0.7, 0.8], atol=1e-3)


# --- HDR --------------------------------------------------------------------------------------------------------------

PQ, HLG, BT2020_PRIMARIES, BT2020_MATRIX = 16, 18, 9, 9
NITS = np.array([1, 5, 20, 50, 100, 150, 190])


def pq_code(nits: np.ndarray) -> np.ndarray:
    """Returns the signal in [0, 1] of a luminance in cd/m2 (SMPTE ST 2084)."""
    m1, m2, c1, c2, c3 = 2610 / 16384, 2523 / 32, 3424 / 4096, 2413 / 128, 2392 / 128
    power = (nits / 10000) ** m1
    return ((c1 + c2 * power) / (1 + c3 * power)) ** m2


def draw_hdr(path: Path, codes: np.ndarray, transfer: int) -> None:
    """Writes one 10-bit picture of gray bars, each 16 pixels wide, with these signals."""
    luma = np.tile((64 + codes * 876).round().astype(np.uint16).repeat(16), (16, 1))
    gray = np.full((8, luma.shape[1]), 512, np.uint16)  # both chroma planes
    frame = av.VideoFrame.from_ndarray(np.concatenate([luma, gray]), "yuv420p10le")
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=10)
        stream.height, stream.width, stream.pix_fmt = *luma.shape, "yuv420p10le"
        context = stream.codec_context
        context.color_trc, context.color_range = transfer, LIMITED
        context.color_primaries, context.colorspace = BT2020_PRIMARIES, BT2020_MATRIX
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


@pytest.mark.draws_ten_bits
def test_hdr_becomes_ordinary_video_with_white_at_203_nits(tmp_path):
    """White is at 203 cd/m2 (ITU-R BT.2408), on a screen with a gamma of 2.4 (ITU-R BT.1886)."""
    draw_hdr(tmp_path / "pq.mkv", pq_code(NITS), PQ)
    with VideoReader(tmp_path / "pq.mkv") as reader:
        frame, _ = next(reader.frames_at([0]))
    expected = 255 * (NITS / 203) ** (1 / 2.4)
    np.testing.assert_allclose(frame[8, 8::16], expected[:, None].repeat(3, 1), atol=3)


@pytest.mark.draws_ten_bits
def test_brighter_than_white_is_white(tmp_path):
    draw_hdr(tmp_path / "pq.mkv", pq_code(np.array([400, 1000, 10000])), PQ)
    with VideoReader(tmp_path / "pq.mkv") as reader:
        assert (next(reader.frames_at([0]))[0][8, 8::16] >= 254).all()


@pytest.mark.draws_ten_bits
def test_hlg_keeps_the_order_of_grays(tmp_path):
    draw_hdr(tmp_path / "hlg.mkv", np.array([0, 0.1, 0.2, 0.3, 0.5, 0.6]), HLG)
    with VideoReader(tmp_path / "hlg.mkv") as reader:
        grays = next(reader.frames_at([0]))[0][8, 8::16].astype(int)
    assert grays[0].max() <= 2
    assert (np.diff(grays[:, 0]) > 8).all()
    assert np.ptp(grays, axis=1).max() <= 2
