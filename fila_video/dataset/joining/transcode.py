"""Transcodes a clip to the common format, once, so that it can be joined without re-encoding with all others in it.

The common format: H.264 (yuv420p, limited range, BT.601, no B frames, a key frame at least every 60 frames), one
picture size, the clip upright and letterboxed, every frame at its own time in units of 1/90000 s. If the sound is kept:
AAC-LC, 48 kHz, stereo, cut or padded with silence to the length of the pictures.
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

from fila_video.common.files import DISK_FULL_ERRNOS, sha256_of_file, written_whole
from processing_fila.reader import VideoDamageWarning, VideoReader, VideoReadError

from ..clips.open_clip import BadClipError
from .transcode_audio import RATE, encode_audio


TIME_BASE = Fraction(1, 90000)
# Part of the names in the cache and of the fingerprints of long videos: a new version makes both again.
VERSION = 2
NOMINAL_FPS = 30
# mbtree is off because its vector code in x264 reads uninitialized memory, which sometimes changes a frame.
OPTIONS = {"preset": "veryfast", "crf": "23", "bf": "0", "threads": "1", "x264-params": "mbtree=0"}


@dataclass(frozen=True)
class CommonFormat:
    """The parts of the common format that can be chosen.

    Args:
        height: Height of the pictures, an even number of pixels.
        width: Width of the pictures, an even number of pixels.
        has_audio: Whether the sound is kept.

    Raises:
        ValueError: If a side is odd or not positive.
    """

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
    """Returns the clip in the common format. A clip with the same bytes is transcoded only once.

    Several processes may do this at the same time.

    Args:
        clip: The clip.
        cache: Folder of transcoded clips.
        common: The common format.

    Returns:
        The transcoded clip, in `cache`.

    Raises:
        BadClipError: If the clip cannot be decoded, or some of its frames are damaged.
        DiskFullError: If there is no space left in `cache`.
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
    """Writes a clip in the common format.

    Raises:
        BadClipError: If the clip cannot be decoded, or some of its frames are damaged.
        OSError: If the output cannot be written because there is no space left.
    """
    with _damage_is_bad(), VideoReader(clip, num_decoders=1) as reader:
        with av.open(str(output), "w", format="mp4", container_options=mp4_options()) as container:
            stream = _add_video_stream(container, common)
            sound = container.add_stream("aac", rate=RATE, layout="stereo") if common.has_audio else None
            container.start_encoding()
            for packet in _encode_video(stream, reader, common):
                container.mux(packet)
            if sound is not None:
                for packet in encode_audio(sound, clip, reader.duration_seconds):
                    container.mux(packet)


def mp4_options() -> dict[str, str]:
    """Returns the options of every mp4 file that is written here: all of them use the same clock."""
    return {"video_track_timescale": str(TIME_BASE.denominator)}


@contextmanager
def _damage_is_bad() -> Iterator[None]:
    """Turns unreadable files and damaged frames into `BadClipError`. A full disk is not the fault of the clip."""
    try:
        with warnings.catch_warnings():
            # VideoReader drops damaged frames with a warning.
            warnings.simplefilter("error", VideoDamageWarning)
            yield
    except (VideoReadError, VideoDamageWarning) as error:
        raise BadClipError(str(error).split(": ", 1)[-1].rstrip(".")) from error
    except av.FFmpegError as error:
        if error.errno in DISK_FULL_ERRNOS:
            raise
        raise BadClipError(f"cannot be transcoded: {error.strerror}") from error
    except (IndexError, UnicodeError, ArithmeticError) as error:
        raise BadClipError(f"cannot be transcoded: {error}") from error


def _add_video_stream(container: "av.container.OutputContainer", common: CommonFormat) -> "av.VideoStream":
    stream = container.add_stream("libx264", rate=NOMINAL_FPS, options=OPTIONS)
    stream.height, stream.width, stream.pix_fmt, stream.gop_size = common.height, common.width, "yuv420p", 60
    stream.codec_context.time_base = TIME_BASE
    stream.codec_context.color_range, stream.codec_context.colorspace = 1, 6
    return stream


def _encode_video(stream: "av.VideoStream", reader: VideoReader, common: CommonFormat) -> Iterator["av.Packet"]:
    """Yields packets in time order. Each lasts until the next frame, the last one until the end of the clip."""
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
        assert packet.pts is not None, "every frame was given a time"
        packet.duration = lengths[packet.pts]
        yield packet


def _letterboxed(reader: VideoReader, common: CommonFormat) -> Iterator[tuple[np.ndarray, float]]:
    """Yields each frame with its time in seconds.

    A frame is centered on a black (height, width, 3) picture, as large as fits without changing its shape.
    """
    scale = min(common.height / reader.height, common.width / reader.width)
    height, width = (max(2 * round(side * scale / 2), 2) for side in (reader.height, reader.width))
    top, left = (common.height - height) // 2, (common.width - width) // 2
    for frame, seconds in reader.frames_at(range(reader.num_frames), size=(height, width)):
        picture = np.zeros((common.height, common.width, 3), dtype=np.uint8)
        picture[top : top + height, left : left + width] = frame
        yield picture, seconds


def _ticks(seconds: float) -> int:
    return round(Fraction(seconds).limit_denominator(10**6) / TIME_BASE)
