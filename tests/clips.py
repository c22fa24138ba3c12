"""Clips that tests draw: a few scenes that cannot be confused, in any container, codec and timing."""

import io
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np


# Backgrounds of scenes, far apart in RGB: dark red, green, blue, yellow, magenta, cyan, gray, orange.
SCENE_COLORS = np.array(
    [
        *([170, 30, 30], [30, 150, 40], [40, 50, 190], [210, 200, 40]),
        *([180, 40, 170], [40, 180, 190], [120, 120, 120], [230, 130, 20]),
    ]
)


def _draw_frame(place: int, count: int, *, scenes: int = 4, size: tuple[int, int] = (64, 96)) -> np.ndarray:
    """Draws frame `place` of `count`: the color of its scene, a gradient, and a moving block.

    Returns:
        An RGB array, `(height, width, 3)` uint8.
    """
    height, width = size
    scene = place * scenes // count
    rows, columns = np.mgrid[0:height, 0:width]
    shade = 30 * rows / height + 20 * columns / width - 25
    frame = SCENE_COLORS[scene % len(SCENE_COLORS)] + shade[..., None]
    block = max(height // 4, 2)
    top, left = (place * 3 + 5 * scene) % (height - block), (place * 7) % (width - block)
    frame[top : top + block, left : left + block] = 255 - SCENE_COLORS[scene % len(SCENE_COLORS)]
    return frame.clip(0, 255).astype(np.uint8)


def draw_frames(count: int, *, scenes: int = 4, size: tuple[int, int] = (64, 96)) -> Iterator[np.ndarray]:
    """Draws all frames of a clip, one at a time."""
    for place in range(count):
        yield _draw_frame(place, count, scenes=scenes, size=size)


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
    color: dict[str, int] | None = None,
    audio_seconds: float = 0,
    codec_options: dict[str, str] | None = None,
    container_options: dict[str, str] | None = None,
) -> Path:
    """Writes a clip; the suffix of its name chooses the container.

    Args:
        path: Where to write it.
        scenes: Number of scenes, all of the same length.
        seconds: Length of the clip.
        fps: Frames per second.
        size: (height, width) in pixels.
        frame_seconds: Presentation times instead of a steady `fps`: a variable frame rate, or a start after 0.
        codec: FFmpeg's name of the encoder.
        pix_fmt: FFmpeg's name of the pixel format.
        gop_size: Largest number of frames from one key frame to the next.
        rotation_degrees: Clockwise rotation that the metadata asks players for.
        is_mirrored: Whether the metadata asks players to mirror the picture.
        sample_aspect_ratio: Width of a pixel over its height; None for square pixels.
        color: Attributes of the codec context, such as `{"color_range": 2, "colorspace": 1}`.
        audio_seconds: Length of a quiet tone; 0 for a clip without sound.
        codec_options: Options of the encoder.
        container_options: Options of the container.

    Returns:
        The path.
    """
    times = np.arange(round(seconds * fps)) / fps if frame_seconds is None else np.asarray(frame_seconds)
    with av.open(str(path), "w", container_options=container_options or {}) as container:
        stream = container.add_stream(codec, rate=fps, options=codec_options or {})
        time_base = Fraction(1, fps) if frame_seconds is None else Fraction(1, 1000)
        _set_up(stream, size, pix_fmt, gop_size, sample_aspect_ratio, {"time_base": time_base, **(color or {})})
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
    """Writes a file with sound and no picture."""
    with av.open(str(path), "w") as container:
        _add_tone(container, container.add_stream("aac", rate=16000, layout="mono"), seconds)
    return Path(path)


def add_text_track(video: Path, lines: str, path: Path, *, language: str = "eng") -> Path:
    """Writes a Matroska file with the pictures of a video and a text track of SubRip lines."""
    with (
        av.open(str(video)) as pictures,
        av.open(io.BytesIO(lines.encode()), format="srt") as subtitles,
        av.open(str(path), "w", format="matroska") as container,
    ):
        sources = pictures.streams.video[0], subtitles.streams.subtitles[0]
        copies = [container.add_stream_from_template(stream) for stream in sources]
        copies[1].metadata["language"] = language
        for source, stream, copy in zip((pictures, subtitles), sources, copies, strict=True):
            for packet in source.demux(stream):
                if packet.dts is not None:
                    packet.stream = copy
                    container.mux(packet)
    return path
