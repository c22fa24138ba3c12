"""Decoding segments of a video side by side, ahead of the consumer, who gets the frames in order."""

import threading
from collections import deque
from collections.abc import Callable, Iterator

import numpy as np

from .video_decoder import Decoder
from .video_index import Segment


Paint = Callable[..., np.ndarray]


def decode_side_by_side(
    make_decoder: Callable[[int], Decoder],
    make_paint: Callable[[], Paint | None],
    segments: list[Segment],
    *,
    num_decoders: int,
    capacity: int,
) -> Iterator[tuple[int, np.ndarray | None]]:
    """The frames of all segments in order, as (frame index, painted frame).

    One thread per decoder: PyAV releases the interpreter lock while it decodes. Decoders run single-threaded, which
    wastes nothing; where there are fewer segments than decoders, those that remain use threads of their own.
    At most `capacity` frames of a segment wait for the consumer.
    """
    num_workers = min(num_decoders, len(segments))
    lookahead = _Lookahead(len(segments), capacity)
    workers: list[_Worker] = []
    try:
        for _ in range(num_workers):
            decoder = make_decoder(num_decoders // num_workers)
            workers.append(_Worker(lookahead, segments, decoder, make_paint()))
            workers[-1].start()
        for part in range(len(segments)):
            yield from lookahead.take(part)
    finally:
        lookahead.stop()
        for worker in workers:
            worker.stop()
        for worker in workers:
            worker.end()


class _Lookahead:
    """What workers have made of parts 0, 1, 2, ... and the consumer has not yet taken.

    Workers take parts in order, so that the part the consumer waits for is always being worked on, and each part has
    room of its own: they cannot block each other for good.
    """

    def __init__(self, num_parts: int, capacity: int):
        self._capacity = capacity
        self._items: list[deque] = [deque() for _ in range(num_parts)]
        self._is_finished = [False] * num_parts
        self._next_part = 0
        self._is_stopped = False
        self._error: BaseException | None = None
        self._changed = threading.Condition()

    def next_part(self) -> int | None:
        """The first part that nobody works on yet; None when there is none left."""
        with self._changed:
            if self._is_stopped or self._next_part == len(self._items):
                return None
            self._next_part += 1
            return self._next_part - 1

    def put(self, part: int, item) -> None:
        with self._changed:
            self._changed.wait_for(lambda: len(self._items[part]) < self._capacity or self._is_stopped)
            self._items[part].append(item)
            self._changed.notify_all()

    def finish(self, part: int) -> None:
        with self._changed:
            self._is_finished[part] = True
            self._changed.notify_all()

    def fail(self, error: BaseException) -> None:
        with self._changed:
            self._error = self._error or error
            self._changed.notify_all()

    def stop(self) -> None:
        with self._changed:
            self._is_stopped = True
            self._changed.notify_all()

    def take(self, part: int) -> Iterator:
        """The items of a part, as they come. An error of any worker is raised here."""
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._items[part] or self._is_finished[part] or self._error)
                if self._error is not None:
                    raise self._error
                if not self._items[part]:
                    return
                item = self._items[part].popleft()
                self._changed.notify_all()
            yield item


class _Worker(threading.Thread):
    """Decodes one segment after the other, until none is left, with a decoder that it owns."""

    def __init__(self, lookahead: _Lookahead, segments: list[Segment], decoder: Decoder, paint: Paint | None):
        super().__init__(daemon=True)
        self._lookahead = lookahead
        self._segments = segments
        self._decoder = decoder
        self._paint = paint

    def run(self) -> None:
        try:
            while (part := self._lookahead.next_part()) is not None:
                for frame_index, frame in self._decoder.frames(self._segments[part]):
                    self._lookahead.put(part, (frame_index, self._paint and self._paint(frame)))
                self._lookahead.finish(part)
        except BaseException as error:  # raised again where the frames are taken
            self._lookahead.fail(error)

    def stop(self) -> None:
        self._decoder.stop()

    def end(self) -> None:
        self.join()
        self._decoder.close()
