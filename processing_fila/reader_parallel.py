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
"""Decoding segments of a video in several threads, ahead of the consumer.

A worker whose frames nobody takes gives its thread back and goes on later in another thread. Threads hold nothing that
keeps the consumer's iterator alive, and the last of them to end closes what they shared.
"""

import atexit
import os
import sys
import threading
import weakref
from collections import Counter, deque
from collections.abc import Callable, Generator, Iterator
from contextlib import closing

import numpy as np

from .reader_decoder import FrameDecoder
from .reader_index import Segment


Paint = Callable[..., np.ndarray]
Item = tuple[int, np.ndarray]
MAX_DECODERS = 4
# A worker that has waited so long for room gives its thread back.
IDLE_SECONDS = 1.0


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
    when_done: Callable[[], None] = lambda: None,
    teams: "weakref.WeakSet[Team] | None" = None,
) -> Iterator[Item]:
    """Decodes segments and paints their frames.

    Each decoder runs in one thread, because PyAV releases the interpreter lock while it decodes. If there are fewer
    segments than decoders, the remaining threads go to the codecs.

    Args:
        open_decoder: Opens a decoder whose codec uses this number of threads.
        make_paint: Makes the function of a decoder that turns a decoded frame into an array.
        segments: What to decode, in time order.
        num_decoders: Largest number of decoders.
        capacity: Largest number of painted frames of a decoder that wait for the consumer.
        in_order: Whether frames come in time order. If not, long segments are decoded first, so that no decoder is
            left with a long one when the others have nothing to do.
        when_done: Called once, after the last decoder has been closed.
        teams: Where the decoders are noted, so that they can be stopped from outside.

    Yields:
        Pairs of a frame index and a painted frame.
    """
    num_workers = min(num_decoders, len(segments))
    if not in_order:
        segments = sorted(segments, key=lambda segment: segment.start - segment.stop)
    lookahead = _Lookahead(len(segments), capacity, max(num_workers, 1) * capacity, in_order)
    team = Team(lookahead, when_done)
    for noted in (_running, teams):
        if noted is not None:
            noted.add(team)
    try:
        for _ in range(num_workers):
            team.add(_Worker(lookahead, segments, lambda: open_decoder(num_decoders // num_workers), make_paint()))
        while (item := lookahead.take(team.resume)) is not None:
            yield item
    finally:
        team.stop()


class _Lookahead:
    """Painted frames that the consumer has not taken yet, of segments 0, 1, 2, ...

    Workers take segments in order, so the segment that the consumer waits for is always being worked on. Each segment
    has its own queue, so workers cannot block each other forever. If order does not matter, all share one queue.

    Args:
        num_segments: Number of segments.
        capacity: Largest number of frames in a queue.
        total_capacity: Largest number of frames in all queues, apart from the one that the consumer waits for.
        in_order: Whether frames come in the order of the segments.
    """

    def __init__(self, num_segments: int, capacity: int, total_capacity: int, in_order: bool):
        self._num_segments = num_segments
        self._capacity = capacity
        self._total_capacity = total_capacity
        self._num_frames = 0
        self._queue_of_segment = list(range(num_segments)) if in_order else [0] * num_segments
        self._queues: list[deque[Item]] = [deque() for _ in set(self._queue_of_segment)]
        self._num_unfinished = Counter(self._queue_of_segment)
        self._next_segment = self._next_queue = 0
        self._parked: list[tuple[int, _Worker]] = []
        self._error: BaseException | None = None
        self.is_stopped = False
        self.changed = threading.Condition()

    def next_segment(self) -> int | None:
        """Returns the number of the first segment that no worker has taken, or None if there is none."""
        with self.changed:
            if self.is_stopped or self._next_segment == self._num_segments:
                return None
            self._next_segment += 1
            return self._next_segment - 1

    def put(self, segment: int, item: Item, worker: "_Worker") -> bool:
        """Adds a frame of a segment, once there is room for it.

        Returns:
            Whether it was added. If not, the worker is parked: `take` will say when it can go on.
        """
        number = self._queue_of_segment[segment]
        with self.changed:
            has_room = self.changed.wait_for(lambda: self._has_room(number) or self.is_stopped, IDLE_SECONDS)
            if has_room:
                self._queues[number].append(item)
                self._num_frames += 1
                self.changed.notify_all()
            else:
                self._parked.append((number, worker))
            return has_room

    def _has_room(self, number: int) -> bool:
        is_next = number == self._next_queue
        return len(self._queues[number]) < self._capacity and (is_next or self._num_frames < self._total_capacity)

    def finish(self, segment: int) -> None:
        """Notes that no more frames of a segment come."""
        with self.changed:
            self._num_unfinished[self._queue_of_segment[segment]] -= 1
            self.changed.notify_all()

    def fail(self, error: BaseException) -> None:
        """Notes an error, which `take` raises."""
        with self.changed:
            self._error = self._error or error
            self.changed.notify_all()

    def stop(self) -> "list[_Worker]":
        """Gives no more segments, and lets workers that wait for room go on. Returns the parked ones."""
        with self.changed:
            self.is_stopped = True
            parked, self._parked = [worker for _, worker in self._parked], []
            self.changed.notify_all()
            return parked

    def take(self, resume: "Callable[[_Worker], None]") -> Item | None:
        """Returns the next frame, or None if no more come, and raises the first error of a worker.

        Args:
            resume: Lets a parked worker go on, for whose frame there is room now.
        """
        with self.changed:
            while self._next_queue < len(self._queues):
                self.changed.wait_for(self._can_take)
                if self._error is not None:
                    raise self._error
                queue = self._queues[self._next_queue]
                item = queue.popleft() if queue else None
                if item is None:
                    self._next_queue += 1
                else:
                    self._num_frames -= 1
                self._resume_parked(resume)
                self.changed.notify_all()
                if item is not None:
                    return item
        return None

    def _can_take(self) -> bool:
        number = self._next_queue
        return bool(self._queues[number]) or not self._num_unfinished[number] or self._error is not None

    def _resume_parked(self, resume: "Callable[[_Worker], None]") -> None:
        parked, self._parked = self._parked, []
        for number, worker in parked:
            if self._has_room(number):
                resume(worker)
            else:
                self._parked.append((number, worker))


class _Worker:
    """Decodes one segment after another until none is left, with a decoder that it opens and closes itself.

    It runs in one thread at a time, not always in the same one.
    """

    def __init__(
        self,
        lookahead: _Lookahead,
        segments: list[Segment],
        open_decoder: Callable[[], FrameDecoder],
        paint: Paint,
    ):
        self._lookahead = lookahead
        self._segments = segments
        self._open_decoder = open_decoder
        self._decoder: FrameDecoder | None = None
        self._paint = paint
        self._steps = self._decode()
        self._waiting: tuple[int, Item] | None = None

    def run(self) -> bool:
        """Works until everything is decoded, or nobody takes the frames. Returns whether the worker was parked."""
        try:
            while (step := self._waiting or next(self._steps, None)) is not None:
                self._waiting = step
                if not self._lookahead.put(*step, self):
                    return True
                self._waiting = None
        except BaseException as error:  # raised again where the frames are taken
            self._lookahead.fail(error)
        return False

    def _decode(self) -> Generator[tuple[int, Item], None, None]:
        """Yields frames with the numbers of their segments."""
        with closing(self._open_decoder()) as decoder:
            self._decoder = decoder
            while (segment := self._lookahead.next_segment()) is not None:
                for frame_index, frame in decoder.frames(self._segments[segment]):
                    yield segment, (frame_index, self._paint(frame))
                self._lookahead.finish(segment)

    def stop(self) -> None:
        """Ends the decoding soon; called from another thread."""
        if self._decoder is not None:  # a decoder that opens only now gets no segment any more
            self._decoder.stop()

    def close(self) -> None:
        """Closes the decoder. No thread runs the worker."""
        self._steps.close()


class Team:
    """The workers of one iterator, and their threads.

    Args:
        lookahead: What the workers share.
        when_done: Called once, after all workers have ended.
    """

    def __init__(self, lookahead: _Lookahead, when_done: Callable[[], None]):
        self._lookahead = lookahead
        self._when_done = when_done
        self._workers: list[_Worker] = []
        self._threads: set[threading.Thread] = set()
        self._is_done = False

    def add(self, worker: _Worker) -> None:
        """Takes a worker in and starts it."""
        self._workers.append(worker)
        self.resume(worker)

    def resume(self, worker: _Worker) -> None:
        """Gives a worker a thread."""
        thread = threading.Thread(target=self._run, args=(worker,), daemon=True)
        with self._lookahead.changed:
            self._threads.add(thread)
        thread.start()

    def _run(self, worker: _Worker) -> None:
        is_parked = worker.run()
        if not is_parked:
            worker.close()
        with self._lookahead.changed:
            self._threads.discard(threading.current_thread())
        self._finish_if_stopped()

    def stop(self, error: BaseException | None = None) -> None:
        """Ends all workers, and waits for them unless this is the thread of one of them.

        Args:
            error: What the consumer gets if it asks for more frames.
        """
        if self._is_done:
            return
        if error is not None:
            self._lookahead.fail(error)
        parked = self._lookahead.stop()
        for worker in self._workers:
            worker.stop()
        for worker in parked:
            worker.close()
        with self._lookahead.changed:
            threads = list(self._threads)
        # The garbage collector may end an iterator in any thread, and a worker cannot wait for itself.
        if threading.current_thread() not in threads:
            for thread in threads:
                thread.join()
        self._finish_if_stopped()

    def _finish_if_stopped(self) -> None:
        """Calls `when_done` in the last thread that ends."""
        with self._lookahead.changed:
            if self._is_done or self._threads or not self._lookahead.is_stopped:
                return
            self._is_done = True
        self._when_done()


_running: "weakref.WeakSet[Team]" = weakref.WeakSet()


@atexit.register
def _stop_all() -> None:
    """Stops all threads while the interpreter still runs: later, a thread that comes back from FFmpeg would hang."""
    for team in list(_running):
        team.stop()


if hasattr(os, "register_at_fork"):  # the threads of the parent do not exist in the child
    os.register_at_fork(after_in_child=lambda: _running.clear())


def _is_in_data_loader_worker() -> bool:
    """Asks PyTorch only if this process has loaded it, as every worker has. The reader itself does not need it."""
    torch_data = sys.modules.get("torch.utils.data")
    get_worker_info = getattr(torch_data, "get_worker_info", None)  # missing while PyTorch is being imported
    return get_worker_info is not None and get_worker_info() is not None


def _num_cpus() -> int:
    """Returns the CPUs that this process may use; containers and job schedulers often grant fewer than there are."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
