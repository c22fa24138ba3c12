"""The scenes as buttons with pictures."""

import base64
import io
import re

import numpy as np
import pytest
from PIL import Image

from fila_video.serving.web.run_page import FILES
from fila_video.serving.web.scene_strip import draw_strip, read_pictures, shown_time
from fila_video.serving.web.video_checks import CheckedVideo
from processing_fila import FilaVideoVideoProcessor
from processing_fila.reader import VideoReader


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0:00.0"), (62.5, "1:02.5"), (59.96, "1:00.0"), (3.24, "0:03.2"), (3600, "60:00.0")],
)
def test_times_are_shown_as_players_show_them(seconds, text):
    assert shown_time(seconds) == text


def pictures_of(strip: str) -> list[Image.Image]:
    sources = re.findall(r"base64,([^\"]+)", strip)
    return [Image.open(io.BytesIO(base64.b64decode(source))) for source in sources]


def test_each_scene_has_a_button_with_its_time_and_its_frame():
    colors = {0.0: (255, 0, 0), 1.5: (0, 255, 0), 3.0: (0, 0, 255)}
    pictures = {seconds: Image.new("RGB", (16, 16), color) for seconds, color in colors.items()}
    scenes = [{"representative_seconds": seconds} for seconds in (3.0, 1.5)]
    strip = draw_strip(scenes, pictures)
    assert re.findall(r'data-seconds="([^"]+)"', strip) == ["3.000", "1.500"]
    assert re.findall(r'aria-label="Go to ([^"]+)"', strip) == ["0:03.0", "0:01.5"]
    for picture, color in zip(pictures_of(strip), ((0, 0, 255), (0, 255, 0)), strict=True):
        np.testing.assert_allclose(picture.getpixel((8, 8)), color, atol=5)


def test_the_pictures_are_the_frames_of_the_video():
    path = FILES / "example_long.mp4"
    video = CheckedVideo(path, 20.0, 320, 320)
    pictures = read_pictures(video, 5, FilaVideoVideoProcessor())
    assert len(pictures) == 5 and {picture.size for picture in pictures.values()} == {(90, 90)}
    with VideoReader(str(path)) as reader:
        frames = dict(reversed(pair) for pair in reader.frames_at(seconds=list(pictures), size=(90, 90)))
    for seconds, frame in frames.items():
        np.testing.assert_allclose(np.asarray(pictures[seconds]), frame, atol=2)
