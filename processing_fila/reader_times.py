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
"""Mending the times of a video: clocks that start again, and single times that are missing, repeated or wrong.

Real times are kept wherever they can be. A time that cannot be right is placed evenly between its neighbors.
"""

from bisect import bisect_left
from collections.abc import Sequence

import numpy as np


# Parts follow one another as the ffmpeg program has them, which closes longer gaps in formats whose clock may jump.
LONGEST_GAP_SECONDS = 10
# In units of the time base. Only noise is larger, and sums of such times have no overflow.
LARGEST_TIME = 2**60
# A gap of so many usual steps is a jump of the clock; a slide show has long steps throughout.
MIN_GAP_STEPS = 10


def clock_offsets(pts: np.ndarray, is_key: np.ndarray, longest_gap: float | None) -> np.ndarray | None:
    """Returns what to add to the times of packets so that the parts of a joined recording follow one another.

    A part begins at a key packet whose time is not later than that of the packets before it, or much later. A single
    time that is wrong begins no part.

    Args:
        pts: Presentation times in file order, `(packets,)` int64.
        is_key: Whether decoding can start at a packet, `(packets,)`.
        longest_gap: Longest gap that is no jump of the clock; None if every gap is real.

    Returns:
        Offsets, `(packets,)` int64, or None if there is only one part.
    """
    if np.abs(pts).max() > LARGEST_TIME:
        return None
    starts, last = [], _RunningMax()
    keys = np.flatnonzero(is_key).tolist()
    step = _usual_step(pts)
    for begin, key in zip([0, *keys], [*keys, len(pts)], strict=True):
        if begin and _starts_part(pts[begin : begin + 3], last.value, step, longest_gap):
            starts.append(begin)
            last = _RunningMax()
        last.add(pts[begin:key])
    if not starts:
        return None
    offsets = np.zeros(len(pts), dtype=np.int64)
    for previous, start, stop in zip([0, *starts], starts, [*starts[1:], len(pts)], strict=False):
        end = int((pts[previous:start] + offsets[previous:start]).max()) + step
        offsets[start:stop] = end - int(pts[start])
    return offsets


class _RunningMax:
    """The second largest of some numbers, which one wrong number does not change; the only one if there is one."""

    def __init__(self):
        self._largest: list[int] = []

    def add(self, numbers: np.ndarray) -> None:
        """Takes more numbers."""
        self._largest = sorted([*self._largest, *np.sort(numbers)[-2:].tolist()])[-2:]

    @property
    def value(self) -> int:
        return self._largest[0]


def _starts_part(pts: np.ndarray, before: int, step: int, longest_gap: float | None) -> bool:
    time = float(np.median(pts))
    if time <= before:
        return True
    return longest_gap is not None and time - before > max(longest_gap, MIN_GAP_STEPS * step)


def _usual_step(pts: np.ndarray) -> int:
    steps = np.diff(np.sort(pts))
    return max(int(np.median(steps[steps > 0])), 1) if (steps > 0).any() else 1


def mend_times(times: Sequence[int | None]) -> np.ndarray:
    """Returns increasing times in which every time that can be right is kept.

    Args:
        times: Presentation times in the order in which the frames are shown; None where one is missing. At least one
            is known.

    Returns:
        Times, `(frames,)` int64, strictly increasing if there are enough units between the neighbors.
    """
    times = [None if time is None else min(max(time, -LARGEST_TIME), LARGEST_TIME) for time in times]
    if None not in times and (np.diff(np.array(times, dtype=np.int64)) > 0).all():
        return np.array(times, dtype=np.int64)
    kept = _longest_increasing(times)
    _move_repeated(times, kept)
    known = np.array([times[place] for place in kept], dtype=np.int64)
    step = _usual_step(known)
    first, last = int(known[0]) - step * kept[0], int(known[-1]) + step * (len(times) - 1 - kept[-1])
    places, values = np.array([0, *kept, len(times) - 1]), np.array([first, *known.tolist(), last])
    origin = values[0]  # differences are exact as floating-point numbers
    return origin + np.interp(np.arange(len(times)), places, values - origin).round().astype(np.int64)


def _longest_increasing(times: Sequence[int | None]) -> list[int]:
    """Returns the places of the longest strictly increasing subsequence; of equal times, the first is taken."""
    ends: list[int] = []  # the smallest last time of a subsequence of each length
    end_places: list[int] = []
    previous: dict[int, int] = {}
    for place, time in enumerate(times):
        if time is None:
            continue
        length = bisect_left(ends, time)
        if length < len(ends) and ends[length] == time:
            continue
        if length:
            previous[place] = end_places[length - 1]
        ends[length : length + 1], end_places[length : length + 1] = [time], [place]
    places = [end_places[-1]]
    while places[-1] in previous:
        places.append(previous[places[-1]])
    return places[::-1]


def _move_repeated(times: Sequence[int | None], kept: list[int]) -> None:
    """Of two neighbors with one time, keeps the second if the gap before them is the longer one."""
    known = [time for place in kept if (time := times[place]) is not None]
    before_first = known[0] - 1.5 * _usual_step(np.array(known))  # one usual step has no room for two frames
    for number, place in enumerate(kept[:-1]):
        is_repeated = kept[number + 1] > place + 1 and times[place + 1] == known[number]
        before = known[number - 1] if number else before_first
        if is_repeated and known[number] - before > known[number + 1] - known[number]:
            kept[number] = place + 1
