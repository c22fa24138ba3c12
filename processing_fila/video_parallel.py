"""Decoding segments of a video side by side, ahead of the consumer."""

import threading
from collections import Counter, deque
from collections.abc import Callable, Iterator
from contextlib import closing

import numpy as np

from .video_animation import AnimationDecoder
from .video_decoder import CountingDecoder, Decoder
from .video_index import Segment


FrameDecoder = Decoder | CountingDecoder | AnimationDecoder
Paint = Callable[..., np.ndarray]


def decode_side_by_side(
    make_decoder: Callable[[int], FrameDecoder],
    make_paint: Callable[[], Paint | None],
    segments: list[Segment],
    *,
    num_decoders: int,
    capacity: int,
    in_order: bool = True,
) -> Iterator[tuple[int, np.ndarray | None]]:
    """The frames of all segments as (frame index, painted frame), in order or as they come.

    One thread per decoder: PyAV releases the interpreter lock while it decodes. Decoders run single-threaded, which
    wastes nothing; where there are fewer segments than decoders, those that remain use threads of their own.
    At most `capacity` frames wait for the consumer, of each segment where they come in order. Where they do not, long
    segments are decoded first, so that no decoder is left with a long one when the others have nothing to do.
    """
    num_workers = min(num_decoders, len(segments))
    if not in_order:
        segments = sorted(segments, key=lambda segment: segment.start - segment.stop)
    lookahead = _Lookahead(len(segments), capacity, in_order)
    workers: list[_Worker] = []
    try:
        for _ in range(num_workers):
            worker = _Worker(lookahead, segments, lambda: make_decoder(num_decoders // num_workers), make_paint())
            worker.start()
            workers.append(worker)
        yield from lookahead.take_all()
    finally:
        lookahead.stop()
        for worker in workers:
            worker.stop()
        for worker in workers:
            worker.join()


class _Lookahead:
    """What workers have made of parts 0, 1, 2, ... and the consumer has not yet taken.

    Workers take parts in order, so that the part the consumer waits for is always being worked on, and each part has
    a queue of its own: they cannot block each other for good. Where order does not matter, there is one queue for all.
    """

    def __init__(self, num_parts: int, capacity: int, in_order: bool):
        self._num_parts = num_parts
        self._capacity = capacity
        self._queue_of_part = list(range(num_parts)) if in_order else [0] * num_parts
        self._queues: list[deque] = [deque() for _ in set(self._queue_of_part)]
        self._num_unfinished = Counter(self._queue_of_part)
        self._next_part = 0
        self._is_stopped = False
        self._error: BaseException | None = None
        self._changed = threading.Condition()

    def next_part(self) -> int | None:
        """The first part that nobody works on yet; None when there is none left."""
        with self._changed:
            if self._is_stopped or self._next_part == self._num_parts:
                return None
            self._next_part += 1
            return self._next_part - 1

    def put(self, part: int, item) -> None:
        queue = self._queues[self._queue_of_part[part]]
        with self._changed:
            self._changed.wait_for(lambda: len(queue) < self._capacity or self._is_stopped)
            queue.append(item)
            self._changed.notify_all()

    def finish(self, part: int) -> None:
        with self._changed:
            self._num_unfinished[self._queue_of_part[part]] -= 1
            self._changed.notify_all()

    def fail(self, error: BaseException) -> None:
        with self._changed:
            self._error = self._error or error
            self._changed.notify_all()

    def stop(self) -> None:
        with self._changed:
            self._is_stopped = True
            self._changed.notify_all()

    def take_all(self) -> Iterator:
        """All items, as they come. An error of any worker is raised here."""
        for number, queue in enumerate(self._queues):
            while (item := self._take(number, queue)) is not None:
                yield item

    def _take(self, number: int, queue: deque):
        """The next item of a queue; None when nothing more comes."""
        with self._changed:
            self._changed.wait_for(lambda: queue or not self._num_unfinished[number] or self._error)
            if self._error is not None:
                raise self._error
            item = queue.popleft() if queue else None
            self._changed.notify_all()
        return item


class _Worker(threading.Thread):
    """Decodes one segment after the other, until none is left, with a decoder that it opens and closes itself."""

    def __init__(
        self,
        lookahead: _Lookahead,
        segments: list[Segment],
        make_decoder: Callable[[], FrameDecoder],
        paint: Paint | None,
    ):
        super().__init__(daemon=True)
        self._lookahead = lookahead
        self._segments = segments
        self._make_decoder = make_decoder
        self._decoder: FrameDecoder | None = None
        self._paint = paint

    def run(self) -> None:
        try:
            with closing(self._make_decoder()) as self._decoder:
                while (part := self._lookahead.next_part()) is not None:
                    for frame_index, frame in self._decoder.frames(self._segments[part]):
                        self._lookahead.put(part, (frame_index, self._paint and self._paint(frame)))
                    self._lookahead.finish(part)
        except BaseException as error:  # raised again where the frames are taken
            self._lookahead.fail(error)

    def stop(self) -> None:
        if self._decoder is not None:  # one that opens only now gets no part any more
            self._decoder.stop()
