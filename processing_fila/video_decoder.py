"""Decoding: from a segment of packets to the frames wanted from it, in time order."""

from collections import deque
from collections.abc import Iterator
from fractions import Fraction
from itertools import chain

from .video_animation import AnimationDecoder
from .video_damage import DamageFilter
from .video_errors import VideoReadError
from .video_index import FrameIndex, Segment, demux_past_damage, nominal_ticks
from .video_nal import unreferenced_test
from .video_source import VideoSource, av


# Reading on over this many packets costs no more than a seek.
READ_ON_PACKETS = 16
# FFmpeg's own decoders of these leave transparency out.
DECODERS_WITH_ALPHA = {"vp8": "libvpx", "vp9": "libvpx-vp9"}


def video_stream(container, name: str):
    """The video stream of a container; a cover picture is none."""
    stream = container.streams.best("video")
    if stream is None or stream.disposition & av.stream.Disposition.attached_pic:
        raise VideoReadError(f"{name} has no video stream.")
    if stream.codec_context is None:
        raise VideoReadError(f"{name} has a video stream of a codec that this FFmpeg cannot decode.")
    return stream


class Decoder:
    """One container and one codec of its own: several of them decode side by side.

    Its frames come as (frame index, av.VideoFrame). A frame that cannot be decoded, or only with invented parts, is
    left out.
    """

    def __init__(self, source: VideoSource, index: FrameIndex | None, num_threads: int):
        self._source = source
        self._index = index
        self._num_threads = num_threads
        self._is_stopped = False
        self._open()

    @property
    def sample_aspect_ratio(self) -> Fraction | None:
        """Width of a pixel over its height; None where the file does not say."""
        return self.stream.sample_aspect_ratio

    @property
    def time_base(self) -> Fraction:
        return self.stream.time_base

    @property
    def nominal_ticks(self) -> float:
        """How long the header says a frame lasts, in units of the time base."""
        return nominal_ticks(self.stream)

    def stop(self) -> None:
        """Let the frames end soon, from another thread."""
        self._is_stopped = True

    def close(self) -> None:
        self._container.close()

    def frames(self, segment: Segment) -> Iterator[tuple[int, "av.VideoFrame"]]:
        """The wanted frames of a segment, in time order.

        A decoder that starts at a key packet may hold frames back until its picture has recovered (intra refresh), so
        a segment with a gap is decoded once more from the key packet before.
        """
        if self._index.keys is None:
            yield from self._count_frames(segment)
            return
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

    def _open(self) -> None:
        self._container = self._source.open()
        self.stream = video_stream(self._container, self._source.name)
        self._codec = _codec_of(self.stream)
        self._codec.thread_count = self._num_threads
        self._codec.thread_type = "FRAME" if self._num_threads > 1 else "NONE"
        self._is_unreferenced = unreferenced_test(self._codec.name, self._codec.extradata)
        self._position = 0
        self._packets = demux_past_damage(self._container, self.stream)

    def _decode(self, start: int, stop: int, wanted: list[int]) -> Iterator[tuple[int, "av.VideoFrame"]]:
        """Decode packets [start, stop), giving the frames that are wanted and whole, in the order they are shown."""
        index_of_pts = {int(self._index.frame_pts[frame]): frame for frame in wanted}
        damage = DamageFilter(self._index.keys.pts_of(start), decoder_delay=self._num_threads - 1)
        self._go_to(start)
        self._codec.flush_buffers()
        for packet in self._read(stop - start):
            self._codec.skip_frame = "NONREF" if self._is_useless(packet, index_of_pts) else "DEFAULT"
            damage.sent(self._position - 1, packet.pts, packet.is_corrupt)
            self._send(packet, damage, index_of_pts)
            yield from damage.release()
        self._send(None, damage, index_of_pts)
        yield from damage.release(at_end=True)

    def _is_useless(self, packet, index_of_pts: dict[int, int]) -> bool:
        """Whether a packet's picture is neither wanted nor part of any other."""
        if packet.pts in index_of_pts or self._is_unreferenced is None:
            return False
        return self._is_unreferenced(memoryview(packet))

    def _send(self, packet, damage: DamageFilter, index_of_pts: dict[int, int]) -> None:
        """Decode a packet (None: whatever is left in the decoder) and hand over what comes out."""
        try:
            frames = self._codec.decode(packet)
        except av.FFmpegError:
            frames = []
            if packet is not None:
                damage.failed(self._position - 1, packet.pts)
        for frame in frames:
            is_wanted = frame.pts in index_of_pts
            damage.came(frame.pts, frame.is_corrupt, (index_of_pts[frame.pts], frame) if is_wanted else None)

    def _count_frames(self, segment: Segment) -> Iterator[tuple[int, "av.VideoFrame"]]:
        """Decode from the first frame on and count: the only way where packets do not tell the frames."""
        wanted = set(segment.frames.tolist())
        self._open_again()
        for frame_index, frame in enumerate(self.all_frames()):
            if frame_index in wanted:
                yield frame_index, frame
            if frame_index >= segment.frames[-1] or self._is_stopped:
                return

    def all_frames(self) -> Iterator["av.VideoFrame"]:
        """Every frame from the first on; after a damaged one, none until the next key frame."""
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

    def _read(self, count: int) -> Iterator["av.Packet"]:
        for _ in range(count):
            packet = next(self._packets, None)
            if packet is None or self._is_stopped:
                return
            self._position += 1
            if packet.pts is not None:  # damage may differ from what it was when the packets were listed
                yield packet

    def _go_to(self, start: int) -> None:
        """Bring the container to where packet `start` is read next: by reading on, by seeking, or from the start."""
        if not 0 <= start - self._position <= READ_ON_PACKETS:
            self._seek(start)
        for _ in self._read(start - self._position):
            pass

    def _seek(self, start: int) -> None:
        """Bring the container to packet `start` or before. Formats round differently: where a seek ends is checked."""
        for key in (start, self._index.keys.last_before(start)):
            if self._seek_key(key) and self._position <= start:
                return
        self._open_again()

    def _seek_key(self, key: int) -> bool:
        """Seek to the time of key packet `key` and find out from the next key packet where that led."""
        try:
            self._container.seek(self._index.keys.pts_of(key), stream=self.stream)
        except av.FFmpegError:
            return False
        packets = demux_past_damage(self._container, self.stream)
        for packet in packets:
            position = self._index.keys.find(packet.pts) if packet.is_keyframe else None
            if position is not None:
                self._packets, self._position = chain([packet], packets), position
                return True
        return False

    def _open_again(self) -> None:
        self.close()
        self._open()


def _codec_of(stream):
    name = DECODERS_WITH_ALPHA.get(stream.codec_context.name)
    if name is None or stream.metadata.get("alpha_mode") != "1":
        return stream.codec_context
    return av.CodecContext.create(name, "r")


def open_decoder(source: VideoSource, index: FrameIndex | None, num_threads: int) -> "Decoder | AnimationDecoder":
    return AnimationDecoder(source) if source.is_webp else Decoder(source, index, num_threads)
