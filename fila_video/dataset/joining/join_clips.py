"""Joins clips of one format without re-encoding: packets are copied, and only their times change."""

import errno
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import av

from ..clips.open_clip import BadClipError, open_clip, video_stream
from .transcode import TIME_BASE, mp4_options


class BadClipAtError(BadClipError):
    """A clip among those to be joined cannot be used.

    Args:
        place: Position of the clip, counted from 0.
        reason: Why it cannot be used.
    """

    def __init__(self, place: int, reason: str):
        super().__init__(reason)
        self.place = place


@dataclass(frozen=True)
class ClipToJoin:
    """A file, and how many seconds it lasted when it was planned."""

    path: Path
    seconds: float


@dataclass
class Writer:
    """An output container, and how far it has been written.

    Args:
        container: The output.
        start: Start of the current clip, in seconds.
        last_dts: Last decoding time of each stream, in ticks of its clock.
    """

    container: "av.container.OutputContainer"
    start: Fraction = Fraction(0)
    last_dts: dict[int, int] = field(default_factory=dict)

    def write(self, packet: "av.Packet", index: int, times: tuple[Fraction, Fraction, Fraction]) -> None:
        """Writes a packet to a stream.

        Args:
            packet: The packet. Its times are overwritten.
            index: Number of the output stream.
            times: When the packet is shown and decoded, counted from the start of the clip, and its length, all in
                seconds.

        Raises:
            BadClipError: If the packet does not fit behind the previous one, or in an mp4 file.
            OSError: If the output cannot be written.
        """
        stream = self.container.streams[index]
        tick = Fraction(1, stream.codec_context.sample_rate) if isinstance(stream, av.AudioStream) else TIME_BASE
        pts, dts = (round((self.start + time) / tick) for time in times[:2])
        # The frames of this clip may be longer than those of the previous clip. Then they are decoded further ahead of
        # the time at which they are shown, which may be before the last packet of the previous clip.
        dts = max(dts, self.last_dts.get(index, dts - 1) + 1)
        if dts > pts:
            raise BadClipError("is decoded too late to follow the previous clip")
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
    """Writes an mp4 file with all frames of the clips. Each clip starts where the previous one ends.

    Packets are copied one by one, so memory does not depend on the length of the video. Only the index of the file
    grows in memory, by about 100 bytes per packet.

    Args:
        clips: Clips with the same `ClipFacts.format`; with `keep_audio`, also with the same `ClipFacts.audio`.
        output: The file to write.
        keep_audio: Whether to keep the sound, which is cut to the length of each clip's pictures.

    Returns:
        The start of each clip and the end of the last one, in seconds: one number more than there are clips.

    Raises:
        BadClipAtError: If a clip cannot be read, or its length differs from the planned one by more than a frame.
        OSError: If the output cannot be written.
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
    """Writes a clip after the previous ones, and returns where it ends, in seconds."""
    try:
        with open_clip(clip.path) as container:
            inputs = [video_stream(container), *(container.streams.audio[:1] if keep_audio else ())]
            if not writer.container.streams:
                for stream in inputs:
                    # opaque: copies the parameters without an encoder, because none has the name of AV1's decoder.
                    writer.container.add_stream_from_template(stream, opaque=True)
            length, last_frame = _copy(container, inputs, clip, writer)
    except av.FFmpegError as error:
        raise BadClipError(f"cannot be read: {error.strerror}") from error
    except (IndexError, UnicodeError, ArithmeticError) as error:
        raise BadClipError(f"cannot be read: {error}") from error
    if abs(length - clip.seconds) > max(last_frame, TIME_BASE):
        raise BadClipError(f"lasts {float(length):.3f} s, not {clip.seconds:.3f} s as planned")
    return writer.start + length


def _copy(
    container: "av.container.InputContainer", inputs: list, clip: ClipToJoin, writer: Writer
) -> tuple[Fraction, Fraction]:
    """Copies the packets of a clip. Returns the length of its pictures and of the last frame, in seconds."""
    planned = Fraction(clip.seconds).limit_denominator(10**6)
    first: Fraction | None = None
    last_shown, last_frame = Fraction(-1), Fraction(0)
    for packet in _pictures_first(container.demux(*inputs)):
        index, base = inputs.index(packet.stream), packet.stream.time_base
        first = packet.pts * base if first is None else first
        shown, length = packet.pts * base - first, (packet.duration or 0) * base
        if index == 0:
            if shown < 0 or packet.is_discard or packet.is_corrupt:
                raise BadClipError("has hidden or damaged packets")
            last_shown, last_frame = max((last_shown, last_frame), (shown, length))
        if index == 0 or 0 <= shown <= planned - length:
            # With a variable frame rate, the packet that is decoded last may claim to last longer than the clip.
            length = min(length, max(planned - shown, TIME_BASE))
            writer.write(packet, index, (shown, packet.dts * base - first, length))
    if first is None:
        raise BadClipError("has no pictures")
    # Like VideoReader: if the container does not state the length of the last frame, the planned length counts.
    if not last_frame:
        return planned, last_frame
    return last_shown + last_frame, last_frame


def _pictures_first(packets: Iterator["av.Packet"]) -> Iterator["av.Packet"]:
    """Yields the packets that are not empty. Holds back audio packets until after the first video packet."""
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
