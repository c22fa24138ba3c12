"""Pictures inside a page: readable, and small enough together."""

from base64 import b64decode
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from fila_video.scenes import encoded_images
from fila_video.scenes.encoded_images import as_data_url, encode_frames, png_url


def opened(url: str, kind: str) -> np.ndarray:
    start = f"data:image/{kind};base64,"
    assert url.startswith(start)
    return np.asarray(Image.open(BytesIO(b64decode(url.removeprefix(start)))))


def test_png_keeps_every_pixel():
    picture = np.random.default_rng(0).integers(0, 256, (7, 9, 3), dtype=np.uint8)
    assert np.array_equal(opened(png_url(picture), "png"), picture)


def test_jpeg_is_shrunk_to_the_side():
    picture = np.full((100, 200, 3), (200, 30, 60), dtype=np.uint8)
    small = opened(as_data_url(picture, quality=80, max_side=50), "jpeg")
    assert small.shape == (25, 50, 3)
    assert np.abs(small.astype(int) - picture[0, 0]).max() <= 4


@pytest.mark.parametrize("limit", [200_000, 50_000, 10_000])
def test_noise_that_no_encoder_makes_small_stays_below_the_limit(limit, monkeypatch):
    monkeypatch.setattr(encoded_images, "MAX_BYTES_OF_FRAMES", limit)
    noise = np.random.default_rng(0).integers(0, 256, (6, 180, 320, 3), dtype=np.uint8)
    encoded = encode_frames(noise)
    assert len(encoded) == 6 and sum(map(len, encoded)) <= limit


def test_ordinary_frames_keep_their_size():
    rows, columns = np.mgrid[0:180, 0:320]
    frame = np.stack([rows, columns / 2, rows + columns / 4], axis=-1).astype(np.uint8)
    sizes = {Image.open(BytesIO(encoded)).size for encoded in encode_frames(np.stack([frame] * 8))}
    assert sizes == {(320, 180)}
