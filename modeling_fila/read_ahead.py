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
"""Reads the videos of the next batch of prompts while the model works on this one."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import Any


def read_ahead(batches: Iterable[Any], read: Callable[[Any, bool], None]) -> Iterator[Any]:
    """
    Yields batches whose videos have been read. While the caller works on one, a thread reads the next.

    At most one batch is read ahead, so that the frames of two batches exist at a time. Batches are taken from `batches`
    in the thread of the caller. A batch that shares what is known of its videos with the batch before is read when its
    turn has come: the caller will have encoded them. Closing the generator waits until the thread has ended.

    Args:
        batches: Objects with the attribute `known_videos`, where `read` puts what it has read.
        read: Reads the videos of a batch; the second argument tells whether it is called ahead, in the thread. If it
            fails, the batch is yielded all the same: the caller, who finds nothing there, reads again and gets the
            error.

    Raises:
        Exception: What `batches` raises, after the batches before.
    """
    source = iter(batches)
    following, error = _next_of(source)
    reading: Future | None = None
    with ThreadPoolExecutor(1, thread_name_prefix="read_ahead") as pool:
        while following is not None:
            current, following = following, None
            could_read = _ended_well(partial(read, current, False) if reading is None else reading.result)
            following, error = _next_of(source)
            reading = None
            # After a failure, which may end the call, nobody should wait for another video.
            if following is not None and could_read and following.known_videos is not current.known_videos:
                reading = pool.submit(read, following, True)
            yield current
            del current  # its frames are not needed while the next batch but one is read
        if error is not None:
            raise error


def _next_of(source: Iterator[Any]) -> tuple[Any, Exception | None]:
    """Returns the next batch, or None at the end, and the error that is the reason for the end."""
    try:
        return next(source, None), None
    except Exception as error:
        return None, error


def _ended_well(work: Callable[[], Any]) -> bool:
    try:
        work()
    except Exception:
        return False
    return True


@contextmanager
def closing(iterator: Any) -> Iterator[Any]:
    """Closes an iterator at the end, if it can be closed: generators can, those of transformers need not."""
    try:
        yield iterator
    finally:
        close = getattr(iterator, "close", None)
        if close is not None:
            close()


def items_of_each(batches: Iterable[Iterable[Any]]) -> Iterator[Any]:
    """Yields the items of all batches one after the other, and closes `batches` when it ends or is closed."""
    with closing(batches):
        for batch in batches:
            yield from batch
