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
"""A video file that PyAV has opened: its container, its video stream, and the packets of that stream."""

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from .reader_codec import GuardedCodec
from .reader_errors import VideoReadError
from .reader_headers import H264Fields
from .reader_source import VideoSource, av, cause_of


# Containers that hold a video in one file. Playlists (HLS, DASH, concat) are left out on purpose: they name other files
# or addresses, which would be read with the rights of this process. The audio formats are listed because their error
# message ("no video stream") is better.
FORMATS = (
    "mov,matroska,avi,mpegts,mpeg,mpegvideo,gif,apng,flv,asf,ogg,ivf,obu,h264,hevc,m4v,mxf,nut,rm,dv,wtv,vc1,"
    "yuv4mpegpipe,mjpeg,"
    "wav,mp3,flac,aac"
)
RAW_FORMATS = ("h264", "hevc", "m4v", "mpegvideo", "vc1", "obu")
PICTURES = {b"\x89PNG": "PNG", b"\xff\xd8\xff": "JPEG", b"BM": "BMP", b"II*\0": "TIFF", b"MM\0*": "TIFF"}
ANIMATION_FORMATS = ("gif", "apng")
TS_DISCONT = 0x0200  # AVFMT_TS_DISCONT
# PyAV reads Python file objects through a callback. Larger pieces need fewer calls.
BUFFER_BYTES = 256 * 1024
# A demuxer that reports damage may go on after it. One that reports nothing else is given up.
MAX_DEMUX_ERRORS = 1000
SHORTEST_SECONDS = 1e-3  # 0 would be no limit for FFmpeg
PACKETS_PER_CHECK = 32  # so often, the time is compared with the limit
# FFmpeg's own decoders of these codecs ignore transparency.
DECODERS_WITH_ALPHA = {"vp8": "libvpx", "vp9": "libvpx-vp9"}


class VideoContainer:
    """A container, opened at the start of the file, and its video stream. The caller closes it.

    Raises:
        VideoReadError: If FFmpeg cannot read the file, or the file has no video stream that FFmpeg can decode.
    """

    def __init__(self, source: VideoSource):
        self._guard = source.guard
        self._container = open_container(source)
        try:
            self._stream = _video_stream(self._container, source.name)
            self._check_size(source)
        except VideoReadError:
            self.close()
            raise

    def close(self) -> None:
        self._container.close()

    def _check_size(self, source: VideoSource) -> None:
        """Checks the size that the file declares, before anything is decoded."""
        if not self._stream.width:  # FFmpeg forgets a size that passes its limit, or there is none
            with open_container(source, looks_only=True) as container:
                stream = _video_stream(container, source.name)
                self._guard.check_picture(stream.height, stream.width)
        self._guard.check_picture(self._stream.height, self._stream.width)

    def check_work(self, num_frames: int) -> None:
        """Checks whether so many frames may be decoded in one go."""
        num_pixels = num_frames * self._stream.height * self._stream.width
        self._guard.check_work(num_pixels, is_animation=self._is_animation)

    @property
    def _is_animation(self) -> bool:
        return self._container.format.name in ANIMATION_FORMATS

    def packets(self) -> Iterator["av.Packet"]:
        """Yields the packets of the video stream from the current position on.

        It continues after a damaged part of the file, where PyAV's own loop would end.

        Raises:
            VideoReadError: If reading takes too long.
        """
        for _ in range(MAX_DEMUX_ERRORS):
            self._guard.check_time()
            try:
                for number, packet in enumerate(self._container.demux(self._stream), start=1):
                    if number % PACKETS_PER_CHECK == 0:
                        self._guard.check_time()
                    if packet.size:
                        yield packet
                return
            except (av.FFmpegError, IndexError):  # IndexError: a damaged packet of a stream that appeared later
                continue

    def seek(self, pts: int) -> None:
        """Goes to a key packet near this presentation time. Formats round differently.

        Raises:
            av.FFmpegError: If the file cannot be searched.
        """
        self._container.seek(pts, stream=self._stream)

    def codec(self, num_threads: int) -> GuardedCodec:
        """Returns the codec that decodes the stream with this number of threads. It may outlive the container.

        With several threads, FFmpeg's H.264 decoder calls whole frames damaged where frames and fields are mixed.
        """
        codec: Any = self._stream.codec_context
        name = DECODERS_WITH_ALPHA.get(codec.name)
        if name is not None and self._stream.metadata.get("alpha_mode") == "1":
            codec = av.CodecContext.create(name, "r")
        if H264Fields(codec.name, codec.extradata).are_possible:
            num_threads = 1
        codec.thread_count = num_threads
        codec.thread_type = "FRAME" if num_threads > 1 else "NONE"
        return GuardedCodec(codec, self._guard, is_animation=self._is_animation)

    @property
    def codec_name(self) -> str:
        return self._stream.codec_context.name

    @property
    def extradata(self) -> bytes:
        """The configuration of the codec as the file has it; empty if it has none."""
        return bytes(self._stream.codec_context.extradata or b"")

    @property
    def has_b_frames(self) -> bool:
        """Whether frames may be stored in another order than they are shown in."""
        return bool(self._stream.codec_context.has_b_frames)

    @property
    def has_palette(self) -> bool:
        """Whether pictures are stored as numbers of colors in a table."""
        pixel_format = self._stream.codec_context.format  # asked for a `pix_fmt` that is unknown, PyAV 17 crashes
        return pixel_format is not None and pixel_format.name == "pal8"

    @property
    def has_jumping_clock(self) -> bool:
        """Whether the clock of this format may start again or jump (MPEG-TS and MPEG-PS, Ogg)."""
        return bool(self._container.format.flags & TS_DISCONT)

    @property
    def has_decoding_times_only(self) -> bool:
        """Whether frames are stored out of order and the file does not say when they are shown (AVI, raw streams)."""
        return self._container.format.name in ("avi", *RAW_FORMATS) and self.has_b_frames

    @property
    def num_promised(self) -> int:
        """Number of frames in the table of an MP4 or MOV file; 0 in other formats, whose headers are often wrong."""
        return self._stream.frames if "mp4" in self._container.format.name else 0

    def sample_ends(self) -> Iterator[int]:
        """Yields where each frame in the table of an MP4 or MOV file ends, in bytes."""
        return (entry.pos + entry.size for entry in self._stream.index_entries)

    @property
    def sample_aspect_ratio(self) -> Fraction | None:
        """Width of a pixel over its height; None if the file does not say."""
        return self._stream.sample_aspect_ratio

    @property
    def time_base(self) -> Fraction:
        """Seconds in one unit of the presentation times."""
        return self._stream.time_base

    @property
    def nominal_ticks(self) -> float:
        """Duration of a frame by the header, in units of the time base; 0 if the header does not say.

        For a raw stream, FFmpeg's average is 25 frames per second, whatever the parameter sets say.
        """
        is_raw = self._container.format.name in RAW_FORMATS
        rate = (self._stream.codec_context.framerate if is_raw else None) or self._stream.average_rate
        rate = rate or self._stream.guessed_rate
        return float(1 / (rate * self._stream.time_base)) if rate else 0.0


def open_container(source: VideoSource, *, looks_only: bool = False) -> Any:
    """Opens the file with PyAV, or only looks at what the container says, without any codec.

    Raises:
        VideoReadError: If FFmpeg does not know the format, or the file is damaged at its start.
    """
    file = source.open()
    codecs = {"codec_whitelist": "none"} if looks_only else {}
    seconds_left = max(source.guard.seconds_left(), SHORTEST_SECONDS)
    try:
        return av.open(
            "file:" + file if isinstance(file, str) else file,  # a colon in a file name does not make it a protocol
            mode="r",
            container_options={"format_whitelist": FORMATS, "protocol_whitelist": "file", **codecs},
            options={"max_pixels": str(source.guard.codec_max_pixels)},
            timeout=seconds_left,
            buffer_size=BUFFER_BYTES,
            metadata_errors="replace",
        )
    except (av.FFmpegError, EOFError) as error:
        source.guard.check_time()
        if kind := _picture_kind(source):
            raise VideoReadError(f"{source.name} is a picture ({kind}) and not a video: give it as an image.") from None
        raise VideoReadError(f"{source.name} is not a readable video: {cause_of(error)}") from None


def _picture_kind(source: VideoSource) -> str | None:
    """Returns what kind of still picture a file is that is no video, by its first bytes; None if it is none."""
    return next((kind for start, kind in PICTURES.items() if source.head.startswith(start)), None)


def _video_stream(container: Any, name: str) -> Any:
    stream = container.streams.best("video")
    if stream is None or stream.disposition & av.stream.Disposition.attached_pic:  # a cover picture is no video
        raise VideoReadError(f"{name} has no video stream.")
    if stream.codec_context is None:
        raise VideoReadError(f"{name} has a video stream with a codec that this FFmpeg cannot decode.")
    return stream
