"""Reads an image file for training. Files of other people's data sets are only ever decoded in this process."""

import io
import os
import stat
from typing import Any, BinaryIO, cast

import fsspec
import numpy as np
from PIL import Image, ImageOps


Image.init()
# Formats that Pillow decodes itself, as far as it is built with them. Others, such as EPS, would start a program.
FORMATS = tuple({"PNG", "JPEG", "WEBP", "AVIF", "BMP", "GIF", "TIFF", "PPM", "JPEG2000"} & Image.OPEN.keys())
# Pillow would cut their values off at 255, which makes them white.
WIDE_MODES = ("I", "I;16", "I;16L", "I;16B", "I;16N")


def load_image(image: Any) -> Image.Image:
    """
    Reads an image as RGB, turned as its EXIF orientation says.

    Args:
        image: A PIL image, an array of uint8, the bytes of a file, a path, or a URL that fsspec opens.

    Raises:
        OSError: If there is no such file, or it is a pipe or a device.
        ValueError: If the image has 32-bit values whose range is not known.
        Exception: Whatever Pillow raises for a broken file.
    """
    if isinstance(image, np.ndarray):
        image = Image.fromarray(image)
    if isinstance(image, Image.Image):
        return _as_rgb(image)
    with _open(image) as file, Image.open(file, formats=FORMATS) as opened:
        return _as_rgb(ImageOps.exif_transpose(opened))


def _open(file: str | os.PathLike | bytes) -> BinaryIO:
    if isinstance(file, bytes):
        return io.BytesIO(file)
    path = os.fspath(file)
    if "://" in path:
        return cast(BinaryIO, fsspec.open(path, "rb").open())
    if not stat.S_ISREG(os.stat(path).st_mode):  # a pipe would block forever
        raise OSError(f"{path} is not a file.")
    return open(path, "rb")


def _as_rgb(image: Image.Image) -> Image.Image:
    if image.mode == "F":
        raise ValueError("The image has floating-point values, whose range is not known.")
    if image.mode in WIDE_MODES:
        values = np.asarray(image, dtype=np.int64)
        if values.min() < 0 or values.max() > 65535:
            raise ValueError(f"The image has values from {values.min()} to {values.max()}, not of 8 or 16 bits.")
        image = Image.fromarray((values >> 8).astype(np.uint8))
    return image.convert("RGB")
