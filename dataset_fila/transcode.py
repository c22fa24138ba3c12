"""Bringing a clip into the common format, once, so that it can be joined without re-encoding with all others in it.

The common format: H.264 (yuv420p, limited range, BT.601, no B frames, a key frame at least every 60 frames), one
picture size, the clip upright and letterboxed in it, every frame at its own time in units of 1/90000 s. Sound, if it is
kept: AAC-LC, 48 kHz, stereo, cut or padded with silence to the length of the pictures.
"""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from filelock import FileLock

from processing_fila.video_reader import VideoDamageWarning, VideoReader, VideoReadError

from .audio import encode_audio
from .files import FULL, sha256_of_file, written_whole
from .probe import BadClipError


TIME_BASE = Fraction(1, 90000)
VERSION = 2
NOMINAL_FPS = 30
# Without mbtree: x264's vector code for it reads memory that nothing has set, and now and then codes a frame otherwise.
OPTIONS = {"preset": "veryfast", "crf": "23", "bf": "0", "threads": "1", "x264-params": "mbtree=0"}


@dataclass(frozen=True)
class CommonFormat:
    """Picture size and whether there is sound; the rest is fixed."""

    height: int = 480
    width: int = 854
    has_audio: bool = False

    def __post_init__(self) -> None:
        if self.height <= 0 or self.width <= 0 or self.height % 2 or self.width % 2:
            raise ValueError(
                f"The size of the common format must be even and positive, got {self.height} x {self.width}."
            )

    @property
    def name(self) -> str:
        return f"{self.width}x{self.height}{'-audio' * self.has_audio}-v{VERSION}"


def transcode_cached(clip: Path, cache: Path, common: CommonFormat) -> Path:
    """The clip in the common format, from `cache` if a clip of the same bytes is there. Safe among processes.

    Raises:
        BadClipError: the clip cannot be decoded, or some of its frames are damaged.
        DiskFullError: no room in `cache`.
    """
    try:
        final = cache / f"{sha256_of_file(clip)}-{common.name}.mp4"
    except OSError as error:
        raise BadClipError(f"cannot be read: {error.strerror}") from error
    cache.mkdir(parents=True, exist_ok=True)
    with FileLock(final.with_suffix(".lock")):
        if not final.exists():
            with written_whole(final) as part:
                transcode(clip, part, common)
    return final


def transcode(clip: Path, output: Path, common: CommonFormat) -> None:
    """
    Raises:
        BadClipError: the clip cannot be decoded, or some of its frames are damaged.
    """
    with _damage_is_bad(), VideoReader(clip, num_decoders=1) as reader:
        with av.open(str(output), "w", format="mp4", container_options=mp4_options()) as container:
            stream = _add_video_stream(container, common)
            sound = container.add_stream("aac", rate=48000, layout="stereo") if common.has_audio else None
            container.start_encoding()
            for packet in _encode_video(stream, reader, common):
                container.mux(packet)
            if sound is not None:
                for packet in encode_audio(sound, clip, reader.duration_seconds):
                    container.mux(packet)


def mp4_options() -> dict[str, str]:
    return {"video_track_timescale": str(TIME_BASE.denominator)}


@contextmanager
def _damage_is_bad() -> Iterator[None]:
    """Frames that VideoReader leaves out with a warning and files it cannot read are bad clips; a full disk is none."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", VideoDamageWarning)
            yield
    except (VideoReadError, VideoDamageWarning) as error:
        raise BadClipError(str(error).split(": ", 1)[-1].rstrip(".")) from error
    except av.FFmpegError as error:
        if error.errno in FULL:
            raise
        raise BadClipError(f"cannot be transcoded: {error.strerror}") from error


def _add_video_stream(container, common: CommonFormat):
    stream = container.add_stream("libx264", rate=NOMINAL_FPS, options=OPTIONS)
    stream.height, stream.width, stream.pix_fmt, stream.gop_size = common.height, common.width, "yuv420p", 60
    stream.codec_context.time_base = TIME_BASE
    stream.codec_context.color_range, stream.codec_context.colorspace = 1, 6
    return stream


def _encode_video(stream, reader: VideoReader, common: CommonFormat) -> Iterator["av.Packet"]:
    """Packets in time order, each lasting until the next frame, or to the end of the clip."""
    edges = [_ticks(seconds) for seconds in (*reader.frame_seconds, reader.duration_seconds)]
    lengths = {pts: max(after - pts, 1) for pts, after in zip(edges, edges[1:], strict=False)}
    for picture, seconds in _letterboxed(reader, common):
        frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
        frame = frame.reformat(format="yuv420p", dst_colorspace="ITU601", threads=1)
        frame.pts, frame.time_base = _ticks(seconds), TIME_BASE
        yield from _with_lengths(stream.encode(frame), lengths)
    yield from _with_lengths(stream.encode(None), lengths)


def _with_lengths(packets: list["av.Packet"], lengths: dict[int, int]) -> Iterator["av.Packet"]:
    for packet in packets:
        packet.duration = lengths[packet.pts]
        yield packet


def _letterboxed(reader: VideoReader, common: CommonFormat) -> Iterator[tuple[np.ndarray, float]]:
    """All frames in the middle of black pictures (height, width, 3), as large as fits with the shape kept."""
    scale = min(common.height / reader.height, common.width / reader.width)
    height, width = (max(2 * round(side * scale / 2), 2) for side in (reader.height, reader.width))
    top, left = (common.height - height) // 2, (common.width - width) // 2
    for frame, seconds in reader.frames_at(range(reader.num_frames), size=(height, width)):
        picture = np.zeros((common.height, common.width, 3), dtype=np.uint8)
        picture[top : top + height, left : left + width] = frame
        yield picture, seconds


def _ticks(seconds: float) -> int:
    return round(Fraction(seconds).limit_denominator(10**6) / TIME_BASE)
