"""Decoding: from a segment of packets to the frames wanted from it, in time order."""

from collections import deque
from collections.abc import Iterator
from fractions import Fraction
from itertools import chain

from .video_animation import AnimationDecoder
from .video_damage import DamageFilter
from .video_index import FrameIndex, Segment, demux_past_damage, nominal_ticks
from .video_nal import unreferenced_test
from .video_packets import PacketReader, open_stream, video_stream
from .video_source import VideoSource, av


# FFmpeg's own decoders of these leave transparency out.
DECODERS_WITH_ALPHA = {"vp8": "libvpx", "vp9": "libvpx-vp9"}


class Decoder:
    """A codec of its own for packets that it shares with others: several of them decode side by side.

    Its frames come as (frame index, av.VideoFrame). A frame that cannot be decoded, or only with invented parts, is
    left out.

    Attributes:
        sample_aspect_ratio: width of a pixel over its height; None where the file does not say.
    """

    def __init__(self, source: VideoSource, index: FrameIndex, packets: PacketReader, num_threads: int):
        self._index = index
        self._packets = packets
        self._num_threads = num_threads
        self._is_stopped = False
        # A codec needs its container only to learn what the file says of the stream.
        with source.open() as container:
            stream = video_stream(container, source.name)
            self._codec = _codec_of(stream, num_threads)
            self.sample_aspect_ratio: Fraction | None = stream.sample_aspect_ratio
        self._is_unreferenced = unreferenced_test(self._codec.name, self._codec.extradata)

    def stop(self) -> None:
        """Let the frames end soon, from another thread: those of all decoders that share the packets."""
        self._is_stopped = True
        self._packets.stop()

    def close(self) -> None:
        """Nothing to do: the codec goes with this object, the packets are not its own."""

    def frames(self, segment: Segment) -> Iterator[tuple[int, "av.VideoFrame"]]:
        """The wanted frames of a segment, in time order.

        A decoder that starts at a key packet may hold frames back until its picture has recovered (intra refresh), so
        a segment with a gap is decoded once more from the key packet before.
        """
        wanted = deque(segment.frames.tolist())
        for start in (segment.start, self._index.keys.last_before(segment.start)):
            is_last_try = start == 0 or start < segment.start
            for frame_index, frame in self._decode(start, segment.stop, list(wanted)):
                if wanted and wanted[0] < frame_index and not is_last_try:
                    break
                while wanted and wanted[0] < frame_index:
                    wanted.popleft()
                if wanted and wanted[0] == frame_index:
                    yield wanted.popleft(), frame
            if not wanted or is_last_try:
                return

    def _decode(self, start: int, stop: int, wanted: list[int]) -> Iterator[tuple[int, "av.VideoFrame"]]:
        """Decode packets [start, stop), giving the frames that are wanted and whole, in the order they are shown."""
        index_of_pts = {int(self._index.frame_pts[frame]): frame for frame in wanted}
        damage = DamageFilter(self._index.keys.pts_of(start), decoder_delay=self._num_threads - 1)
        self._codec.flush_buffers()
        for place, packet in self._read(start, stop):
            self._codec.skip_frame = "NONREF" if self._is_useless(packet, index_of_pts) else "DEFAULT"
            damage.sent(place, packet.pts, packet.is_corrupt)
            self._send(place, packet, damage, index_of_pts)
            yield from damage.release()
        self._send(stop, None, damage, index_of_pts)
        yield from damage.release(at_end=True)

    def _read(self, start: int, stop: int) -> Iterator[tuple[int, "av.Packet"]]:
        while start < stop and (batch := self._packets.read(start, stop)):
            start = batch[-1][0] + 1
            while batch and not self._is_stopped:
                place, packet = batch.popleft()
                if packet.pts is not None:  # damage may differ from what it was when the packets were listed
                    yield place, packet

    def _is_useless(self, packet, index_of_pts: dict[int, int]) -> bool:
        """Whether a packet's picture is neither wanted nor part of any other."""
        if packet.pts in index_of_pts or self._is_unreferenced is None:
            return False
        return self._is_unreferenced(memoryview(packet))

    def _send(self, place: int, packet, damage: DamageFilter, index_of_pts: dict[int, int]) -> None:
        """Decode a packet (None: whatever is left in the decoder) and hand over what comes out."""
        try:
            frames = self._codec.decode(packet)
        except av.FFmpegError:
            frames = []
            if packet is not None:
                damage.failed(place, packet.pts)
        for frame in frames:
            is_wanted = frame.pts in index_of_pts
            damage.came(frame.pts, frame.is_corrupt, (index_of_pts[frame.pts], frame) if is_wanted else None)


class CountingDecoder:
    """Decodes from the first frame on, once: the only way where packets do not tell the frames."""

    def __init__(self, source: VideoSource, num_threads: int):
        self._container, self._stream = open_stream(source)
        self._codec = _codec_of(self._stream, num_threads)
        self._packets = demux_past_damage(self._container, self._stream)
        self._is_stopped = False

    @property
    def sample_aspect_ratio(self) -> Fraction | None:
        """Width of a pixel over its height; None where the file does not say."""
        return self._stream.sample_aspect_ratio

    @property
    def time_base(self) -> Fraction:
        return self._stream.time_base

    @property
    def nominal_ticks(self) -> float:
        """How long the header says a frame lasts, in units of the time base."""
        return nominal_ticks(self._stream)

    def stop(self) -> None:
        """Let the frames end soon, from another thread."""
        self._is_stopped = True

    def close(self) -> None:
        self._container.close()

    def frames(self, segment: Segment) -> Iterator[tuple[int, "av.VideoFrame"]]:
        """The wanted frames, as (frame index, av.VideoFrame)."""
        wanted = set(segment.frames.tolist())
        for frame_index, frame in enumerate(self.all_frames()):
            if frame_index in wanted:
                yield frame_index, frame
            if frame_index >= segment.frames[-1] or self._is_stopped:
                return

    def all_frames(self) -> Iterator["av.VideoFrame"]:
        """Every frame; after a damaged one, none until the next key frame."""
        is_whole = True
        for packet in chain(self._packets, [None]):
            try:
                frames = self._codec.decode(packet)
            except av.FFmpegError:
                frames, is_whole = [], False
            for frame in frames:
                is_whole = not frame.is_corrupt and (is_whole or frame.key_frame)
                if is_whole:
                    yield frame

    def picture_of_first_packet(self) -> "av.VideoFrame | None":
        """None if that is no key packet, or its picture is not whole, or not to be shown."""
        packet = next(self._packets, None)
        if packet is None or not packet.is_keyframe:
            return None
        try:
            frames = self._codec.decode(packet) + self._codec.decode(None)
        except av.FFmpegError:
            return None
        is_whole = len(frames) == 1 and frames[0].pts == packet.pts and not frames[0].is_corrupt
        return frames[0] if is_whole else None


def open_counting_decoder(source: VideoSource, num_threads: int) -> CountingDecoder | AnimationDecoder:
    return AnimationDecoder(source) if source.is_webp else CountingDecoder(source, num_threads)


def _codec_of(stream, num_threads: int):
    """The codec that decodes a stream, by this many threads. It outlives the stream's container."""
    codec = stream.codec_context
    name = DECODERS_WITH_ALPHA.get(codec.name)
    if name is not None and stream.metadata.get("alpha_mode") == "1":
        codec = av.CodecContext.create(name, "r")
    codec.thread_count = num_threads
    codec.thread_type = "FRAME" if num_threads > 1 else "NONE"
    return codec
