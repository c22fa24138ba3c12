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
"""From a decoded frame to an RGB array: upright, with square pixels, at the wanted size, opaque, in screen colors."""

from collections.abc import Hashable
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from .reader_errors import VideoReadError
from .reader_scalers import hdr_scalers
from .reader_source import av, cause_of


# libswscale's bicubic filter (4), with exact rounding (0x40000) and chroma interpolated at full width (0x2000). This
# keeps the colors of the file, and only the frames that are kept pay for it.
SCALING = 0x4 | 0x40000 | 0x2000
# Numbers of ITU-T H.273. PQ and HLG are the transfer functions of HDR video, BT.709 is that of ordinary video.
HDR_TRANSFERS = (16, 18)
BT709 = 1
BLENDED_PIXELS = 2**20  # at once, because the products take several times the memory of the picture
FULL_RANGE = 2
MATRIX_NAMES = {
    **{0: "RGB", 1: "BT.709", 4: "FCC", 5: "BT.470", 6: "BT.601", 7: "SMPTE 240M", 8: "YCgCo", 9: "BT.2020"},
    **{10: "BT.2020 with constant luminance", 11: "YDzDx", 12: "from the primaries", 14: "ICtCp"},
    13: "from the primaries with constant luminance",
}
MAX_PIXEL_RATIO = 16  # the widest pixels in use have ratios below 4


@dataclass(frozen=True)
class Geometry:
    """How a stored picture is shown: transposed first, then flipped.

    Attributes:
        height: Height in pixels of the picture as it is shown.
        width: Width in pixels of the picture as it is shown.
        is_transposed: Whether rows and columns change places.
        flips_rows: Whether the order of rows is reversed.
        flips_columns: Whether the order of columns is reversed.
        rotation_degrees: The same rotation in degrees clockwise: 0, 90, 180 or 270.
    """

    height: int
    width: int
    is_transposed: bool = False
    flips_rows: bool = False
    flips_columns: bool = False
    rotation_degrees: int = 0


def frame_geometry(frame, sample_aspect_ratio: Fraction | None) -> Geometry:
    """Finds out how a frame is shown, from its display matrix and the shape of its pixels.

    The matrix (a b u, c d v, x y w) sends column x and row y to column ax + cy and row bx + dy. Quarter turns and
    mirrorings are followed; other angles are rounded to quarter turns.

    Args:
        frame: A decoded frame (`av.VideoFrame`).
        sample_aspect_ratio: Width of a pixel over its height; None for square pixels. A ratio over 16, or under 1/16,
            is taken for an error of the file and ignored.
    """
    ratio = sample_aspect_ratio or Fraction(1)
    if not 1 / MAX_PIXEL_RATIO <= ratio <= MAX_PIXEL_RATIO:
        ratio = Fraction(1)
    height, width = frame.height, max(round(frame.width * ratio), 1)
    if "DISPLAYMATRIX" not in frame.side_data:
        return Geometry(height, width)
    a, b, _, c, d = np.frombuffer(frame.side_data["DISPLAYMATRIX"], np.int32)[:5].tolist()
    is_transposed = abs(b) > abs(a)
    return Geometry(
        height=width if is_transposed else height,
        width=height if is_transposed else width,
        is_transposed=is_transposed,
        flips_rows=(b if is_transposed else d) < 0,
        flips_columns=(c if is_transposed else a) < 0,
        rotation_degrees=round(-frame.rotation / 90) * 90 % 360,
    )


class FramePainter:
    """Turns decoded frames into RGB arrays of one size.

    Colors follow the matrix and the range that the file names (if it names none, BT.601 and limited range, as in
    FFmpeg). HDR video (PQ and HLG) becomes BT.709 with white at 203 cd/m2; brighter colors are clipped. Transparent
    frames are put on a white background.

    Args:
        geometry: How the frames are shown.
        size: (height, width) in pixels of the arrays; None for the size in which the frames are shown.
        name: What messages call the video.
    """

    def __init__(self, geometry: Geometry, size: tuple[int, int] | None, name: str = "The video"):
        self._geometry = geometry
        self._name = name
        self._height, self._width = size or (geometry.height, geometry.width)
        self._scaler = av.video.reformatter.VideoReformatter()
        self._blender = av.video.reformatter.VideoReformatter()

    def paint(self, frame) -> np.ndarray:
        """Returns the frame as an array `(height, width, 3)` uint8, contiguous.

        Raises:
            VideoReadError: If FFmpeg cannot turn the colors of the frame into RGB.
        """
        try:
            return self._paint(frame)
        except av.FFmpegError as error:
            matrix = MATRIX_NAMES.get(frame.colorspace, "unknown")
            raise VideoReadError(
                f"{self._name}: FFmpeg cannot turn frames of the format {frame.format.name} with the matrix "
                f"coefficients {frame.colorspace} ({matrix}) into RGB: {cause_of(error)}. Convert the video first, as "
                "with: ffmpeg -i VIDEO -vf zscale=matrix=709 RESULT"
            ) from error

    def _paint(self, frame) -> np.ndarray:
        if frame.format.has_palette or any(component.is_alpha for component in frame.format.components):
            frame = self._on_white(frame)
        if frame.color_trc not in HDR_TRANSFERS:
            return self._turn_upright(self._scale(self._scaler, frame).to_ndarray())
        with hdr_scalers.of(self._kind(frame)) as scaler:
            scaled = self._scale(scaler, frame, dst_color_trc=BT709, dst_color_primaries=BT709)
        return self._turn_upright(scaled.to_ndarray())

    def _scale(self, scaler, frame, **tone: int):
        is_transposed = self._geometry.is_transposed
        return scaler.reformat(
            frame,
            width=self._height if is_transposed else self._width,
            height=self._width if is_transposed else self._height,
            format="gbrp",  # libswscale has vector code for planes, and none for the same picture as rgb24
            interpolation=SCALING,
            dst_color_range=FULL_RANGE,
            threads=1,  # several decoders paint at the same time
            **tone,
        )

    def _kind(self, frame) -> Hashable:
        """Returns what libswscale builds its tables for."""
        colors = frame.colorspace, frame.color_range, frame.color_trc, frame.color_primaries
        is_transposed = self._geometry.is_transposed
        return frame.format.name, frame.height, frame.width, *colors, self._height, self._width, is_transposed

    def _turn_upright(self, picture: np.ndarray) -> np.ndarray:
        if self._geometry.is_transposed:
            picture = picture.transpose(1, 0, 2)
        if self._geometry.flips_rows:
            picture = picture[::-1]
        if self._geometry.flips_columns:
            picture = picture[:, ::-1]
        return np.ascontiguousarray(picture)

    def _on_white(self, frame):
        """Puts a frame on white before it is resized, so that the colors of transparent pixels do not bleed."""
        rgba = self._blender.reformat(
            frame, format="rgba", interpolation=SCALING, dst_color_range=FULL_RANGE, threads=1
        ).to_ndarray()
        blended = np.empty((*rgba.shape[:2], 3), dtype=np.uint8)
        num_rows = max(BLENDED_PIXELS // rgba.shape[1], 1)
        for rows in (slice(top, top + num_rows) for top in range(0, len(rgba), num_rows)):
            alpha = rgba[rows, :, 3:].astype(np.uint16)
            blended[rows] = (rgba[rows, :, :3] * alpha + 255 * (255 - alpha) + 127) // 255
        return av.VideoFrame.from_ndarray(blended, format="rgb24")
