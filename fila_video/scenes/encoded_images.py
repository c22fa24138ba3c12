"""Pictures inside an HTML page."""

from base64 import b64encode
from io import BytesIO

import numpy as np
from PIL import Image


# All frames of a page together. Base64 makes them a third larger, and the page is to stay below 5 MB.
MAX_BYTES_OF_FRAMES = 3_000_000
# Tried in turn until the frames are small enough: the longer side in pixels, and the quality of JPEG.
ATTEMPTS = ((320, 80), (320, 65), (256, 65), (192, 60), (128, 55), (96, 50), (64, 45), (48, 40))


def encode_frames(frames: np.ndarray) -> list[bytes]:
    """Encodes frames as JPEG, as large as they may be together.

    Args:
        frames: Shape (N, height, width, 3), uint8.
    """
    for side, quality in ATTEMPTS:
        encoded = [to_jpeg(frame, quality, max_side=side) for frame in frames]
        if sum(map(len, encoded)) <= MAX_BYTES_OF_FRAMES:
            break
    return encoded


def to_jpeg(picture: np.ndarray, quality: int, max_side: int | None = None) -> bytes:
    """Encodes a picture, (height, width, 3) uint8, after shrinking its longer side to `max_side` pixels."""
    image = Image.fromarray(picture)
    if max_side is not None:
        image.thumbnail((max_side, max_side))
    buffer = BytesIO()
    image.save(buffer, format="jpeg", quality=quality, optimize=True)
    return buffer.getvalue()


def as_data_url(picture: np.ndarray, quality: int, max_side: int | None = None) -> str:
    """Returns a picture as the data URL of a JPEG file. Arguments as for `to_jpeg`."""
    return jpeg_url(to_jpeg(picture, quality, max_side))


def jpeg_url(encoded: bytes) -> str:
    """Returns the bytes of a JPEG file as a data URL."""
    return f"data:image/jpeg;base64,{b64encode(encoded).decode()}"


def png_url(picture: np.ndarray) -> str:
    """Returns a picture of few pixels, (height, width, 3) uint8, as the data URL of a PNG file, without loss."""
    buffer = BytesIO()
    Image.fromarray(picture).save(buffer, format="png", optimize=True)
    return f"data:image/png;base64,{b64encode(buffer.getvalue()).decode()}"
