"""A decoded frame as an RGB array: upright, with square pixels, at the wanted size, opaque, fit for a screen."""

from dataclasses import dataclass

import numpy as np

from .video_source import av


# libswscale's bicubic filter (4), with exact rounding (0x40000) and chroma interpolated at full width (0x2000): colours
# as the file has them, at a cost that only the frames kept have to bear.
SCALING = 0x4 | 0x40000 | 0x2000
# Numbers of ITU-T H.273. PQ and HLG are the transfer functions of HDR; BT.709 is that of ordinary video.
HDR_TRANSFERS = (16, 18)
BT709 = 1
FULL_RANGE = 2


@dataclass(frozen=True)
class Geometry:
    """How a stored picture is to be shown: transposed first, then flipped; `height` and `width` are those shown."""

    height: int
    width: int
    is_transposed: bool = False
    flips_rows: bool = False
    flips_columns: bool = False
    rotation_degrees: int = 0
    """Clockwise, 0, 90, 180 or 270."""


def frame_geometry(frame, sample_aspect_ratio) -> Geometry:
    """What a frame's display matrix and the shape of its pixels (width over height; None: square) ask for.

    The matrix (a b u, c d v, x y w) sends column x and row y to column ax + cy and row bx + dy. Whole quarter turns and
    mirrorings are followed; other angles are rounded to them.
    """
    height, width = frame.height, max(round(frame.width * (sample_aspect_ratio or 1)), 1)
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
    """Turns decoded frames into uint8 RGB arrays (height, width, 3) of one size (None: the size shown).

    Colours follow the file's own matrix and range (where it names none: BT.601 and limited range, as FFmpeg takes it).
    HDR (PQ and HLG) becomes BT.709 with 203 cd/m2 as white; what is brighter is clipped. Transparency is laid on white.
    """

    def __init__(self, geometry: Geometry, size: tuple[int, int] | None):
        self._geometry = geometry
        self._height, self._width = size or (geometry.height, geometry.width)
        self._scaler = av.video.reformatter.VideoReformatter()
        self._blender = av.video.reformatter.VideoReformatter()

    def paint(self, frame) -> np.ndarray:
        if frame.format.has_palette or any(component.is_alpha for component in frame.format.components):
            frame = self._on_white(frame)
        is_transposed = self._geometry.is_transposed
        scaled = self._scaler.reformat(
            frame,
            width=self._height if is_transposed else self._width,
            height=self._width if is_transposed else self._height,
            format="gbrp",  # planes: libswscale has vector code for them, and none for the same picture as rgb24
            interpolation=SCALING,
            dst_color_range=FULL_RANGE,
            threads=1,  # several decoders paint at once
            **_tone(frame),
        )
        return self._turn_upright(scaled.to_ndarray())

    def _turn_upright(self, picture: np.ndarray) -> np.ndarray:
        if self._geometry.is_transposed:
            picture = picture.transpose(1, 0, 2)
        if self._geometry.flips_rows:
            picture = picture[::-1]
        if self._geometry.flips_columns:
            picture = picture[:, ::-1]
        return np.ascontiguousarray(picture)

    def _on_white(self, frame):
        """The frame on a white ground, before it is resized: transparent pixels have colours that must not bleed."""
        rgba = self._blender.reformat(
            frame, format="rgba", interpolation=SCALING, dst_color_range=FULL_RANGE, threads=1
        ).to_ndarray()
        alpha = rgba[..., 3:].astype(np.uint16)
        blended = (rgba[..., :3] * alpha + 255 * (255 - alpha) + 127) // 255
        return av.VideoFrame.from_ndarray(blended.astype(np.uint8), format="rgb24")


def _tone(frame) -> dict[str, int]:
    is_hdr = frame.color_trc in HDR_TRANSFERS
    return {"dst_color_trc": BT709, "dst_color_primaries": BT709} if is_hdr else {}
