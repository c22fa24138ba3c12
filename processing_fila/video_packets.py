"""The packets of a video by their places in the file, read from one container by all decoders, in turns.

An open container holds a table of its packets, some 5 MiB for an hour of MP4: one is enough.
"""

import threading
from collections import deque
from itertools import chain

from .video_errors import VideoReadError
from .video_index import KeyPackets, demux_past_damage
from .video_source import VideoSource, av


# Reading on over this many packets costs no more than a seek.
READ_ON_PACKETS = 16
# What a decoder takes at a time: nearly always a whole group of pictures, so that the next taker may seek elsewhere.
BATCH_BYTES = 4 * 2**20


def video_stream(container, name: str):
    """The video stream of a container; a cover picture is none."""
    stream = container.streams.best("video")
    if stream is None or stream.disposition & av.stream.Disposition.attached_pic:
        raise VideoReadError(f"{name} has no video stream.")
    if stream.codec_context is None:
        raise VideoReadError(f"{name} has a video stream of a codec that this FFmpeg cannot decode.")
    return stream


def open_stream(source: VideoSource):
    """A new container and its video stream; the container is closed where it has none."""
    container = source.open()
    try:
        return container, video_stream(container, source.name)
    except VideoReadError:
        container.close()
        raise


class PacketReader:
    """Gives any packets to any number of threads. The container's own codec is not for use: a seek flushes it."""

    def __init__(self, source: VideoSource, keys: KeyPackets):
        self._source = source
        self._keys = keys
        self._lock = threading.Lock()
        self._is_stopped = False
        self._container = None  # opened by the first to read, whose thread's memory has room: see video_probe

    def stop(self) -> None:
        """Give no more packets, in whatever thread."""
        self._is_stopped = True

    def close(self) -> None:
        if self._container is not None:
            self._container.close()

    def read(self, start: int, stop: int) -> deque[tuple[int, "av.Packet"]]:
        """The first of packets [start, stop), some or all, as (place, packet). None are left where it is empty."""
        batch: deque[tuple[int, av.Packet]] = deque()
        num_bytes = 0
        with self._lock:
            if self._container is None:
                self._open()
            self._go_to(start)
            while start <= self._position < stop and num_bytes < BATCH_BYTES and (packet := self._next()):
                batch.append((self._position - 1, packet))
                num_bytes += packet.size
        return batch

    def _open(self) -> None:
        self._container, self._stream = open_stream(self._source)
        self._packets = demux_past_damage(self._container, self._stream)
        self._position = 0

    def _next(self) -> "av.Packet | None":
        packet = None if self._is_stopped else next(self._packets, None)
        self._position += packet is not None
        return packet

    def _go_to(self, start: int) -> None:
        """Bring the container to where packet `start` is read next: by reading on, by seeking, or from the start."""
        if not 0 <= start - self._position <= READ_ON_PACKETS:
            self._seek(start)
        while self._position < start and self._next():
            pass

    def _seek(self, start: int) -> None:
        """Bring the container to packet `start` or before. Formats round differently: where a seek ends is checked."""
        key = self._keys.last_up_to(start)
        for packet in (key, self._keys.last_before(key)):
            if self._seek_key(packet) and self._position <= start:
                return
        if not self._is_stopped:
            self.close()
            self._open()

    def _seek_key(self, key: int) -> bool:
        """Seek to the time of key packet `key` and find out from the next key packet where that led."""
        try:
            self._container.seek(self._keys.pts_of(key), stream=self._stream)
        except av.FFmpegError:
            return False
        packets = demux_past_damage(self._container, self._stream)
        for packet in packets:
            if self._is_stopped:
                return False
            position = self._keys.find(packet.pts) if packet.is_keyframe else None
            if position is not None:
                self._packets, self._position = chain([packet], packets), position
                return True
        return False
