"""Files that are hardly ever seen: raw formats without a container, still pictures, and colors that FFmpeg refuses."""

import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from processing_fila.reader import VideoReader, VideoReadError, read_video
from tests.clips import draw_clip, draw_frames


def ffmpeg(*arguments: str | Path) -> bytes:
    command = ["ffmpeg", "-loglevel", "error", *map(str, arguments)]
    return subprocess.run(command, check=True, capture_output=True).stdout


@pytest.mark.ffmpeg
@pytest.mark.parametrize("is_path", [True, False])
@pytest.mark.parametrize(("name", "fps"), [("clip.y4m", 10), ("clip.mjpeg", 25), ("clip.mjpg", 25)])
def test_raw_video_is_read_as_the_ffmpeg_program_reads_it(name, fps, is_path, tmp_path):
    """Motion JPEG has no times: FFmpeg takes it for 25 frames per second. In y4m, the rate stands in the header."""
    path = tmp_path / name
    form = "yuv4mpegpipe" if path.suffix == ".y4m" else "mjpeg"
    ffmpeg("-i", draw_clip(tmp_path / "clip.mkv", seconds=2), "-f", form, path)
    expected = ffmpeg("-i", path, "-f", "rawvideo", "-pix_fmt", "yuv420p", "-vf", "scale=out_range=full", "-")
    video = read_video(path if is_path else path.read_bytes(), num_frames=20)
    np.testing.assert_allclose(video.seconds, np.arange(20) / fps)
    brightness = video.frames @ np.array([0.299, 0.587, 0.114])  # Y of BT.601
    planes = np.frombuffer(expected, np.uint8).reshape(20, 64 * 96 * 3 // 2)[:, : 64 * 96].reshape(20, 64, 96)
    assert np.abs(brightness - planes).mean() < 1


@pytest.mark.parametrize(("suffix", "kind"), [("png", "PNG"), ("jpg", "JPEG"), ("bmp", "BMP"), ("tiff", "TIFF")])
def test_a_still_picture_is_refused_as_one(suffix, kind, tmp_path):
    path = tmp_path / f"still.{suffix}"
    Image.fromarray(next(iter(draw_frames(1)))).save(path)
    for source, name in ((path, path.name), (path.read_bytes(), "bytes>")):
        with pytest.raises(VideoReadError, match=rf"{name} is a picture \({kind}\).*give it as an image"):
            VideoReader(source)


@pytest.mark.parametrize("suffix", ["gif", "webp"])
def test_a_picture_in_a_format_of_animations_is_a_video_of_one_frame(suffix, tmp_path):
    path = tmp_path / f"still.{suffix}"
    picture = next(iter(draw_frames(1)))
    Image.fromarray(picture).save(path, lossless=True)
    video = read_video(path, num_frames=4)
    assert video.seconds.tolist() == [0] and video.duration_seconds == pytest.approx(0.1)
    np.testing.assert_array_equal(video.frames[0], np.asarray(Image.open(path).convert("RGB")))


@pytest.mark.parametrize(
    ("matrix", "name"), [(8, "YCgCo"), (10, "BT.2020 with constant luminance"), (11, "YDzDx"), (14, "ICtCp")]
)
def test_colors_that_ffmpeg_cannot_convert_are_named(matrix, name, tmp_path):
    path = draw_clip(tmp_path / "clip.mp4", seconds=1, color={"colorspace": matrix})
    message = rf"clip.mp4: FFmpeg cannot turn frames .* matrix coefficients {matrix} \({name}\).*zscale=matrix=709"
    with VideoReader(path) as reader:
        with pytest.raises(VideoReadError, match=message):
            reader.sample(num_frames=2)
        with pytest.raises(VideoReadError, match=message):
            list(reader.frames_at([0]))
