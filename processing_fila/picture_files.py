# Copyright 2026 The FiLA-Video contributors. All rights reserved.
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.
"""Videos whose frames are picture files: a list of files, or a folder."""

import io
import os
import re
from collections.abc import Sequence
from pathlib import Path
from reprlib import repr as shorten
from typing import Any

import numpy as np
from PIL import Image, ImageOps

from .reader_errors import VideoReadError


# Formats that Pillow decodes itself. It starts other programs for some of the rest.
FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF", "PPM")
SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff", ".ppm")


class PictureFiles:
    """
    Picture files that are the frames of a video, in time order. A picture is opened when it is needed.

    Args:
        files: Paths of the pictures, or their bytes.
    """

    def __init__(self, files: Sequence[Any]):
        self.files = list(files)

    @classmethod
    def of_folder(cls, folder: str | os.PathLike) -> "PictureFiles":
        """
        The pictures in a folder, by name; numbers in names count as numbers, so that 10.png follows 9.png.

        Raises:
            VideoReadError: If there is no picture.
        """
        files = [file for file in Path(folder).iterdir() if file.suffix.lower() in SUFFIXES]
        if not files:
            raise VideoReadError(f"{folder} is a folder without pictures ({', '.join(SUFFIXES)}).")
        return cls(sorted(files, key=_by_number))

    def __len__(self) -> int:
        return len(self.files)

    def pictures_at(self, indices: Sequence[int] | np.ndarray) -> list[Image.Image]:
        """
        Opens the pictures with these indices.

        Raises:
            VideoReadError: If one cannot be read; it names the file.
        """
        return [_open(self.files[index]) for index in indices]


def is_picture_file(value: Any) -> bool:
    """Whether `value` names or holds a file: a path or bytes."""
    return isinstance(value, (str, bytes, os.PathLike))


def _open(file: Any) -> Image.Image:
    name = f"a picture of {len(file)} bytes" if isinstance(file, bytes) else shorten(str(file)).strip("'\"")
    try:
        with Image.open(io.BytesIO(file) if isinstance(file, bytes) else file, formats=FORMATS) as picture:
            return ImageOps.exif_transpose(picture)
    except Exception as error:  # a broken picture can cause any exception
        raise VideoReadError(f"{name}: this frame of a video cannot be read: {error}") from error


def _by_number(file: Path) -> list[Any]:
    return [int(piece) if piece.isdecimal() else piece for piece in re.split(r"(\d+)", file.name)]
