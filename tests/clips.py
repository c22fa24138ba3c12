"""Clips that tests draw for themselves: a few scenes that nobody can confuse, in any container, codec and timing."""

from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np


# Backgrounds of scenes, far apart in RGB: dark red, green, blue, yellow, magenta, cyan, grey, orange.
SCENE_COLOURS = np.array(
    [
        *([170, 30, 30], [30, 150, 40], [40, 50, 190], [210, 200, 40]),
        *([180, 40, 170], [40, 180, 190], [120, 120, 120], [230, 130, 20]),
    ]
)


def draw_frame(place: int, count: int, *, scenes: int = 4, size: tuple[int, int] = (64, 96)) -> np.ndarray:
    """Frame `place` of `count`, (height, width, 3) uint8: its scene's colour, a gradient, and a block that moves."""
    height, width = size
    scene = place * scenes // count
    rows, columns = np.mgrid[0:height, 0:width]
    shade = 30 * rows / height + 20 * columns / width - 25
    frame = SCENE_COLOURS[scene % len(SCENE_COLOURS)] + shade[..., None]
    block = max(height // 4, 2)
    top, left = (place * 3 + 5 * scene) % (height - block), (place * 7) % (width - block)
    frame[top : top + block, left : left + block] = 255 - SCENE_COLOURS[scene % len(SCENE_COLOURS)]
    return frame.clip(0, 255).astype(np.uint8)


def draw_frames(count: int, *, scenes: int = 4, size: tuple[int, int] = (64, 96)) -> Iterator[np.ndarray]:
    for place in range(count):
        yield draw_frame(place, count, scenes=scenes, size=size)


def draw_clip(
    path: str | Path,
    *,
    scenes: int = 4,
    seconds: float = 8,
    fps: int = 10,
    size: tuple[int, int] = (64, 96),
    frame_seconds: Sequence[float] | None = None,
    codec: str = "libx264",
    pix_fmt: str = "yuv420p",
    gop_size: int = 12,
    rotation_degrees: int = 0,
    is_mirrored: bool = False,
    sample_aspect_ratio: Fraction | None = None,
    colour: dict[str, int] | None = None,
    audio_seconds: float = 0,
    codec_options: dict[str, str] | None = None,
    container_options: dict[str, str] | None = None,
) -> Path:
    """Write a clip; the name's suffix chooses the container.

    Args:
        scenes, seconds, fps, size: what is shown, size as (height, width).
        frame_seconds: presentation times instead of a steady `fps`: variable frame rate, or a start after 0.
        rotation_degrees, is_mirrored: metadata alone; how a player is to turn the picture clockwise, and mirror it.
        colour: attributes of the codec context, such as {"color_range": 2, "colorspace": 1}.
        audio_seconds: length of a quiet tone stored beside the pictures.
    """
    times = np.arange(round(seconds * fps)) / fps if frame_seconds is None else np.asarray(frame_seconds)
    with av.open(str(path), "w", container_options=container_options or {}) as container:
        stream = container.add_stream(codec, rate=fps, options=codec_options or {})
        time_base = Fraction(1, fps) if frame_seconds is None else Fraction(1, 1000)
        _set_up(stream, size, pix_fmt, gop_size, sample_aspect_ratio, {"time_base": time_base, **(colour or {})})
        if rotation_degrees or is_mirrored:
            stream.set_display_rotation(-rotation_degrees, hflip=is_mirrored)
        tone = container.add_stream("aac", rate=16000, layout="mono") if audio_seconds else None
        for picture, time in zip(draw_frames(len(times), scenes=scenes, size=size), times, strict=True):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(format=pix_fmt)
            frame.time_base, frame.pts = time_base, round(time / time_base)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
        if tone is not None:
            _add_tone(container, tone, audio_seconds)
    return Path(path)


def _set_up(stream, size, pix_fmt, gop_size, sample_aspect_ratio, attributes) -> None:
    stream.height, stream.width = size
    stream.pix_fmt = pix_fmt
    stream.gop_size = gop_size
    if sample_aspect_ratio is not None:
        stream.codec_context.sample_aspect_ratio = sample_aspect_ratio
    for name, value in attributes.items():
        setattr(stream.codec_context, name, value)


def _add_tone(container, stream, seconds: float) -> None:
    samples = np.sin(np.arange(round(seconds * 16000)) / 10).astype(np.float32)[None] * 0.1
    for start in range(0, samples.shape[1], 1024):
        frame = av.AudioFrame.from_ndarray(samples[:, start : start + 1024], format="fltp", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = 16000, start, Fraction(1, 16000)
        container.mux(stream.encode(frame))
    container.mux(stream.encode(None))


def draw_audio(path: str | Path, seconds: float = 2) -> Path:
    """A file with sound and no picture."""
    with av.open(str(path), "w") as container:
        _add_tone(container, container.add_stream("aac", rate=16000, layout="mono"), seconds)
    return Path(path)
