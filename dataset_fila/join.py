"""Putting clips of one format behind each other without re-encoding: packets are copied, only their times change."""

import errno
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import av

from .probe import BadClipError, open_clip
from .transcode import TIME_BASE, mp4_options


class BadClipAtError(BadClipError):
    """The clip at `place` of those joined cannot be used."""

    def __init__(self, place: int, reason: str):
        super().__init__(reason)
        self.place = place


@dataclass(frozen=True)
class ClipToJoin:
    """A file, and how long it was found to last when it was planned."""

    path: Path
    seconds: float


@dataclass
class Writer:
    """An output container and how far it has been written: `start` of the clip at hand, in seconds, and the last
    decoding time of each stream, in ticks."""

    container: "av.container.OutputContainer"
    start: Fraction = Fraction(0)
    last_dts: dict[int, int] = field(default_factory=dict)

    def write(self, packet: "av.Packet", index: int, times: tuple[Fraction, Fraction, Fraction]) -> None:
        """Write a packet to stream `index`; `times`: shown, decoded, length, in seconds from the start of the clip."""
        stream = self.container.streams[index]
        tick = TIME_BASE if stream.type == "video" else Fraction(1, stream.codec_context.sample_rate)
        pts, dts = (round((self.start + time) / tick) for time in times[:2])
        # The frames of this clip may be longer than those of the one before, and so wait longer to be shown.
        dts = max(dts, self.last_dts.get(index, dts - 1) + 1)
        if dts > pts:
            raise BadClipError("is decoded too late to be put behind the clip before it")
        self.last_dts[index] = dts
        packet.stream, packet.time_base = stream, tick
        packet.pts, packet.dts, packet.duration = pts, dts, round(times[2] / tick)
        try:
            self.container.mux_one(packet)
        except av.FFmpegError as error:
            if error.errno == errno.EINVAL:
                raise BadClipError("has packets that mp4 cannot hold") from error
            raise OSError(error.errno, f"cannot write {self.container.name}: {error.strerror}") from error


def join_clips(clips: Sequence[ClipToJoin], output: Path, *, keep_audio: bool = False) -> list[float]:
    """Write an mp4 with all frames of the clips, each clip from where the one before it ends. Packets are passed on one
    by one; only the index of the file grows in memory, by some 100 bytes a packet.

    Args:
        clips: of one `ClipFacts.format`; with `keep_audio` of one `ClipFacts.audio` as well.
        keep_audio: sound is cut to the length of its clip's pictures.

    Returns:
        the start of each clip and the end of the last one, in seconds: one more than clips.

    Raises:
        BadClipAtError: a clip cannot be read, or lasts a frame more or less than planned.
        OSError: the output cannot be written.
    """
    edges = [Fraction(0)]
    with av.open(str(output), "w", format="mp4", container_options=mp4_options()) as container:
        writer = Writer(container)
        for place, clip in enumerate(clips):
            try:
                writer.start = _append(writer, clip, keep_audio)
            except BadClipError as error:
                raise BadClipAtError(place, str(error)) from error
            edges.append(writer.start)
    return [round(float(edge), 6) for edge in edges]


def _append(writer: Writer, clip: ClipToJoin, keep_audio: bool) -> Fraction:
    """Write a clip behind what is there; its end in seconds."""
    try:
        with open_clip(clip.path) as container:
            inputs = [container.streams.best("video"), *(container.streams.audio[:1] if keep_audio else ())]
            if not writer.container.streams:
                for stream in inputs:
                    # opaque: taken as it is, without looking for an encoder (there is none named as AV1's decoder).
                    writer.container.add_stream_from_template(stream, opaque=True)
            length, last_frame = _copy(container, inputs, clip, writer)
    except av.FFmpegError as error:
        raise BadClipError(f"cannot be read: {error.strerror}") from error
    if abs(length - clip.seconds) > max(last_frame, TIME_BASE):
        raise BadClipError(f"lasts {float(length):.3f} s, not {clip.seconds:.3f} s as planned")
    return writer.start + length


def _copy(container, inputs: list, clip: ClipToJoin, writer: Writer) -> tuple[Fraction, Fraction]:
    """Pass the packets on; how long the pictures last, and how long the last of them does, in seconds."""
    planned = Fraction(clip.seconds).limit_denominator(10**6)
    first, last_shown, last_frame = None, Fraction(-1), Fraction(0)
    for packet in _pictures_first(container.demux(*inputs)):
        index, base = inputs.index(packet.stream), packet.stream.time_base
        first = packet.pts * base if first is None else first
        shown, length = packet.pts * base - first, (packet.duration or 0) * base
        if index == 0:
            if shown < 0 or packet.is_discard or packet.is_corrupt:
                raise BadClipError("has hidden or damaged packets")
            last_shown, last_frame = max((last_shown, last_frame), (shown, length))
        if index == 0 or 0 <= shown <= planned - length:
            # With a variable rate the packet that is decoded last may claim to outlast the clip.
            length = min(length, max(planned - shown, TIME_BASE))
            writer.write(packet, index, (shown, packet.dts * base - first, length))
    if first is None:
        raise BadClipError("holds no pictures")
    # As VideoReader has it: where a container does not say how long the last frame lasts, it lasts as planned.
    if not last_frame:
        return planned, last_frame
    return last_shown + last_frame, last_frame


def _pictures_first(packets: Iterator["av.Packet"]) -> Iterator["av.Packet"]:
    """The packets that carry something, the first picture first: sound that comes before it is held back until then."""
    held: list[av.Packet] | None = []
    for packet in packets:
        if not packet.size:
            continue
        if packet.pts is None or packet.dts is None:
            raise BadClipError("has packets without times")
        if held is None:
            yield packet
        elif packet.stream.type == "video":
            yield packet
            yield from held
            held = None
        else:
            held.append(packet)
