"""Describes the streams of a clip, and decides whether they can be joined with others without re-encoding."""

import hashlib
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import av

from .open_clip import open_clip, video_stream


# Codecs that mp4 stores with all decoding parameters in the header, so that packets of two files fit in one stream.
REMUXABLE = {"h264", "hevc", "av1", "vp9"}
TRANSCODE = "transcode: "
# Types of network abstraction layer (NAL) units: IDR pictures, which reset the decoder, and all coded pictures.
H264_IDR, HEVC_IDR = {5}, {19, 20}
H264_SLICES, HEVC_SLICES = range(1, 6), range(32)


def video_format(container: "av.container.InputContainer") -> str:
    """Describes the video stream. Reads the stream to its end.

    Returns:
        A text that is the same for clips that can be joined without re-encoding. It has the codec, the picture size,
        the pixel format and a hash of the decoding parameters. If the clip cannot be joined with any other, the text
        begins with "transcode: " and gives the reason.
    """
    stream = video_stream(container)
    context, name = stream.codec_context, stream.codec_context.codec.canonical_name
    if name not in REMUXABLE:
        return f"{TRANSCODE}codec {name}"
    extradata = bytes(context.extradata or b"")
    if name in ("h264", "hevc") and extradata[:1] != b"\x01":
        return f"{TRANSCODE}parameters are not in the header"
    obstacle = _obstacle(container, stream, name)
    if obstacle:
        return TRANSCODE + obstacle
    colors = (context.color_range, context.colorspace, context.color_primaries, context.color_trc)
    shape = (stream.sample_aspect_ratio or 1, context.profile, *colors)
    pixels = context.format.name if context.format else None  # PyAV 17 crashes at an unknown `pix_fmt`
    return f"{name} {context.width}x{context.height} {pixels} {_digest(extradata, shape)}"


def audio_format(container: "av.container.InputContainer") -> str | None:
    """Describes the first audio stream in the same way as `video_format`; None if there is none."""
    if not container.streams.audio:
        return None
    stream = container.streams.audio[0]
    if stream.codec_context is None:
        return f"{TRANSCODE}unknown codec"
    context, name = stream.codec_context, stream.codec_context.codec.canonical_name
    if name != "aac" or not context.extradata:
        return f"{TRANSCODE}codec {name}"
    return f"{name} {context.sample_rate} {context.layout.name} {_digest(bytes(context.extradata), ())}"


def _obstacle(container: "av.container.InputContainer", stream: av.VideoStream, name: str) -> str | None:
    """Returns why the packets of this stream cannot follow those of another clip, or None if they can."""
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
    """Decodes the first frame in a container of its own, so that the caller's position stays."""
    with open_clip(Path(name.removeprefix("file:"))) as container:
        yield from islice(container.decode(video_stream(container)), 1)


def _starts_afresh(packet: bytes, name: str, stream: av.VideoStream) -> bool:
    """Tells whether the first picture in a packet resets the decoder, so that it does not refer to an earlier clip."""
    if name not in ("h264", "hevc"):
        return True
    extradata = bytes(stream.codec_context.extradata or b"")
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
