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
"""Decoding segments of a video in several threads, ahead of the consumer."""

import os
import sys
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterator
from contextlib import closing

import numpy as np

from .reader_decoder import FrameDecoder
from .reader_index import Segment


Paint = Callable[..., np.ndarray]
MAX_DECODERS = 4


def default_num_decoders() -> int:
    """Returns one for each CPU, at most 4; one in a data loader's worker, because other workers use the other CPUs."""
    return 1 if _is_in_data_loader_worker() else min(_num_cpus(), MAX_DECODERS)


def decode_in_parallel(
    open_decoder: Callable[[int], FrameDecoder],
    make_paint: Callable[[], Paint],
    segments: list[Segment],
    *,
    num_decoders: int,
    capacity: int,
    in_order: bool = True,
) -> Iterator[tuple[int, np.ndarray]]:
    """Decodes segments and paints their frames.

    Each decoder runs in one thread, because PyAV releases the interpreter lock while it decodes. If there are fewer
    segments than decoders, the remaining threads go to the codecs.

    Args:
        open_decoder: Opens a decoder whose codec uses this number of threads.
        make_paint: Makes the function of a decoder that turns a decoded frame into an array.
        segments: What to decode, in time order.
        num_decoders: Largest number of decoders.
        capacity: Largest number of painted frames that wait for the consumer; for each segment if they come in order.
        in_order: Whether frames come in time order. If not, long segments are decoded first, so that no decoder is
            left with a long one when the others have nothing to do.

    Yields:
        Pairs of a frame index and a painted frame.
    """
    num_workers = min(num_decoders, len(segments))
    if not in_order:
        segments = sorted(segments, key=lambda segment: segment.start - segment.stop)
    lookahead = _Lookahead(len(segments), capacity, in_order)
    workers: list[_Worker] = []
    try:
        for _ in range(num_workers):
            worker = _Worker(lookahead, segments, lambda: open_decoder(num_decoders // num_workers), make_paint())
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
    """Painted frames that the consumer has not taken yet, of segments 0, 1, 2, ...

    Workers take segments in order, so the segment that the consumer waits for is always being worked on. Each segment
    has its own queue, so workers cannot block each other forever. If order does not matter, all share one queue.
    """

    def __init__(self, num_segments: int, capacity: int, in_order: bool):
        self._num_segments = num_segments
        self._capacity = capacity
        self._queue_of_segment = list(range(num_segments)) if in_order else [0] * num_segments
        self._queues: list[deque] = [deque() for _ in set(self._queue_of_segment)]
        self._num_unfinished = Counter(self._queue_of_segment)
        self._next_segment = 0
        self._is_stopped = False
        self._error: BaseException | None = None
        self._changed = threading.Condition()

    def next_segment(self) -> int | None:
        """Returns the number of the first segment that no worker has taken, or None if there is none."""
        with self._changed:
            if self._is_stopped or self._next_segment == self._num_segments:
                return None
            self._next_segment += 1
            return self._next_segment - 1

    def put(self, segment: int, item: tuple[int, np.ndarray]) -> None:
        """Adds a frame of a segment, once there is room for it."""
        queue = self._queues[self._queue_of_segment[segment]]
        with self._changed:
            self._changed.wait_for(lambda: len(queue) < self._capacity or self._is_stopped)
            queue.append(item)
            self._changed.notify_all()

    def finish(self, segment: int) -> None:
        """Notes that no more frames of a segment come."""
        with self._changed:
            self._num_unfinished[self._queue_of_segment[segment]] -= 1
            self._changed.notify_all()

    def fail(self, error: BaseException) -> None:
        """Notes an error, which `take_all` raises."""
        with self._changed:
            self._error = self._error or error
            self._changed.notify_all()

    def stop(self) -> None:
        """Gives no more segments, and lets workers that wait for room go on."""
        with self._changed:
            self._is_stopped = True
            self._changed.notify_all()

    def take_all(self) -> Iterator[tuple[int, np.ndarray]]:
        """Yields all frames as they come, and raises the first error of a worker."""
        for number, queue in enumerate(self._queues):
            while (item := self._take(number, queue)) is not None:
                yield item

    def _take(self, number: int, queue: deque) -> tuple[int, np.ndarray] | None:
        """Returns the next frame of a queue, or None if no more come."""
        with self._changed:
            self._changed.wait_for(lambda: queue or not self._num_unfinished[number] or self._error)
            if self._error is not None:
                raise self._error
            item = queue.popleft() if queue else None
            self._changed.notify_all()
        return item


class _Worker(threading.Thread):
    """Decodes one segment after another until none is left, with a decoder that it opens and closes itself."""

    def __init__(
        self,
        lookahead: _Lookahead,
        segments: list[Segment],
        open_decoder: Callable[[], FrameDecoder],
        paint: Paint,
    ):
        super().__init__(daemon=True)
        self._lookahead = lookahead
        self._segments = segments
        self._open_decoder = open_decoder
        self._decoder: FrameDecoder | None = None
        self._paint = paint

    def run(self) -> None:
        try:
            with closing(self._open_decoder()) as decoder:
                self._decoder = decoder
                while (segment := self._lookahead.next_segment()) is not None:
                    for frame_index, frame in decoder.frames(self._segments[segment]):
                        self._lookahead.put(segment, (frame_index, self._paint(frame)))
                    self._lookahead.finish(segment)
        except BaseException as error:  # raised again where the frames are taken
            self._lookahead.fail(error)

    def stop(self) -> None:
        """Ends the decoding soon; called from another thread."""
        if self._decoder is not None:  # a decoder that opens only now gets no segment any more
            self._decoder.stop()


def _is_in_data_loader_worker() -> bool:
    """Asks PyTorch only if this process has loaded it, as every worker has. The reader itself does not need it."""
    torch_data = sys.modules.get("torch.utils.data")
    get_worker_info = getattr(torch_data, "get_worker_info", None)  # missing while PyTorch is being imported
    return get_worker_info is not None and get_worker_info() is not None


def _num_cpus() -> int:
    """Returns the CPUs that this process may use; containers and job schedulers often grant fewer than there are."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
