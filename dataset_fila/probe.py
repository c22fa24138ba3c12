"""What has to be known of a clip before it can be planned and joined: its length, and what its stream is like."""

import hashlib
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import av

from processing_fila.video_reader import VideoDamageWarning, VideoReader, VideoReadError


# What an mp4 file holds with all parameters in its header, so that packets of two files can stand in one stream.
REMUXABLE = {"h264", "hevc", "av1", "vp9"}
TRANSCODE = "transcode: "
# Network abstraction layer units that start afresh: IDR pictures.
H264_IDR, HEVC_IDR = {5}, {19, 20}
H264_SLICES, HEVC_SLICES = range(1, 6), range(32)


class BadClipError(ValueError):
    """A clip that cannot be used; the message is the reason, without the name of the clip."""


@dataclass(frozen=True)
class ClipFacts:
    """
    seconds: from the first frame shown to the end of the last one, whatever the header or the audio says.
    num_frames: frames shown.
    format: of the video stream. Clips with equal formats can be joined without re-encoding; one that begins with
        "transcode: " cannot be joined with any, and says why.
    audio: of the audio stream, in the same way; None without one.
    """

    seconds: float
    num_frames: int
    format: str
    audio: str | None

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def probe_clip(path: Path, *, decode: str = "first") -> ClipFacts:
    """Read all packets of a clip and decode its first frame, or all (`decode="all"`, as slow as watching it is fast).

    Raises:
        BadClipError: no readable video, or with `decode="all"` a damaged frame.
    """
    try:
        with VideoReader(path) as reader:
            if decode == "all":
                check_all_frames(reader)
            seconds, num_frames = round(reader.duration_seconds, 6), reader.num_frames
        with open_clip(path) as container:
            video, audio = video_format(container), audio_format(container)
    except (VideoReadError, av.FFmpegError) as error:
        raise BadClipError(_reason(error, path)) from error
    if seconds <= 0:
        raise BadClipError("lasts no time")
    return ClipFacts(seconds=seconds, num_frames=num_frames, format=video, audio=audio)


def count_readable(reader: VideoReader) -> int:
    """How many frames can be decoded undamaged; the others are for the caller to speak of."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", VideoDamageWarning)
        return sum(1 for _ in reader.frames_at(range(reader.num_frames), size=(32, 32)))


def check_all_frames(reader: VideoReader) -> None:
    """Raises BadClipError unless every frame can be decoded undamaged."""
    num_read = count_readable(reader)
    if num_read < reader.num_frames:
        raise BadClipError(f"{reader.num_frames - num_read} of {reader.num_frames} frames are damaged")


@contextmanager
def open_clip(path: Path) -> Iterator["av.container.InputContainer"]:
    """A clip's container. A playlist cannot lead elsewhere: only local files are opened."""
    with av.open(f"file:{path}", container_options={"protocol_whitelist": "file"}) as container:
        yield container


def video_format(container) -> str:
    """See ClipFacts.format. Reads the stream to its end."""
    stream = container.streams.best("video")
    context, name = stream.codec_context, stream.codec_context.codec.canonical_name
    if name not in REMUXABLE:
        return f"{TRANSCODE}codec {name}"
    extradata = bytes(context.extradata or b"")
    if name in ("h264", "hevc") and extradata[:1] != b"\x01":
        return f"{TRANSCODE}parameters are not in the header"
    obstacle = _obstacle(container, stream, name)
    if obstacle:
        return TRANSCODE + obstacle
    colours = (context.color_range, context.colorspace, context.color_primaries, context.color_trc)
    shape = (stream.sample_aspect_ratio or 1, context.profile, *colours)
    return f"{name} {context.width}x{context.height} {context.pix_fmt} {_digest(extradata, shape)}"


def audio_format(container) -> str | None:
    """See ClipFacts.audio."""
    if not container.streams.audio:
        return None
    stream = container.streams.audio[0]
    context, name = stream.codec_context, stream.codec_context.codec.canonical_name
    if name != "aac" or not context.extradata:
        return f"{TRANSCODE}codec {name}"
    return f"{name} {context.sample_rate} {context.layout.name} {_digest(bytes(context.extradata), ())}"


def _obstacle(container, stream, name: str) -> str | None:
    """What keeps the packets of a stream from being put behind those of another; None if nothing does."""
    first = None
    for packet in container.demux(stream):
        if not packet.size:
            continue
        if packet.pts is None or packet.dts is None:
            return "packets without times"
        if packet.is_discard:
            return "an edit list hides frames"
        if first is None:
            first = packet.pts
            if not packet.is_keyframe or not _starts_afresh(bytes(packet), name, stream):
                return "does not start with a picture that needs no other"
            if any("DISPLAYMATRIX" in frame.side_data for frame in _first_frames(container.name)):
                return "is stored rotated or mirrored"
        elif packet.pts < first:
            return "frames are shown before the first key frame"
    return None


def _first_frames(name: str) -> Iterator["av.VideoFrame"]:
    with open_clip(Path(name.removeprefix("file:"))) as container:
        yield next(container.decode(container.streams.best("video")))


def _starts_afresh(packet: bytes, name: str, stream) -> bool:
    """Whether the first picture in a packet resets the decoder, so that nothing of a video before it shines through."""
    if name not in ("h264", "hevc"):
        return True
    extradata = bytes(stream.codec_context.extradata)
    length_size = (extradata[4 if name == "h264" else 21] & 3) + 1
    place = 0
    while place + length_size < len(packet):
        size = int.from_bytes(packet[place : place + length_size], "big")
        header = packet[place + length_size]
        kind = header & 31 if name == "h264" else header >> 1 & 63
        if kind in (H264_SLICES if name == "h264" else HEVC_SLICES):
            return kind in (H264_IDR if name == "h264" else HEVC_IDR)
        place += length_size + size
    return False


def _digest(extradata: bytes, values: tuple) -> str:
    return hashlib.sha256(extradata + repr(tuple(map(str, values))).encode()).hexdigest()[:10]


def _reason(error: Exception, path: Path) -> str:
    return str(getattr(error, "strerror", None) or error).replace(f"{path} ", "").rstrip(".")
