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
"""Which frames of a video to read. This is arithmetic on presentation times; nothing here opens a file.

Shape letters: N sampled frames.
"""

from bisect import bisect_left
from heapq import heapify, heappop, heappush
from itertools import pairwise
from numbers import Integral, Real

import numpy as np


DEFAULT_MAX_FRAMES = 768


def sample_frame_indices(
    frame_seconds: np.ndarray,
    *,
    num_frames: int | None = None,
    fps: float | None = None,
    max_frames: int = DEFAULT_MAX_FRAMES,
    duration_seconds: float | None = None,
) -> np.ndarray:
    """Chooses frames that are spread evenly in time, with the first and the last frame among them.

    These are the frames nearest to evenly spread times. If several of these times have the same nearest frame, its
    neighbors are taken too, as long as each is at most one step between two of these times away from its own time.
    Otherwise (a burst of pictures and then a still), each nearest frame is taken once, and the remaining frames are
    added one by one: always the frame that is farthest in time from any chosen one.

    Args:
        frame_seconds: Presentation times of all frames in seconds, `(frames of the video,)`, sorted.
        num_frames: Number of frames to choose. A video with fewer frames gives all of them.
        fps: Frames per second to choose instead: `duration * fps` frames, rounded, at least 1, at most `max_frames`.
        max_frames: Largest number of frames ever chosen; also the number if neither `num_frames` nor `fps` is given.
        duration_seconds: End of the last frame. By default, the last frame is as long as the mean frame.

    Returns:
        Frame indices, `(N,)` int64, increasing and distinct. A single frame (N = 1) is the one nearest to the middle
        of the video.

    Raises:
        ValueError: If there are no frames, both `num_frames` and `fps` are given, or a value is out of range.
    """
    frame_seconds = np.asarray(frame_seconds, dtype=np.float64)
    if frame_seconds.ndim != 1 or len(frame_seconds) == 0:
        raise ValueError(f"frame_seconds must hold the times of at least one frame, got shape {frame_seconds.shape}.")
    check_sampling(num_frames=num_frames, fps=fps, max_frames=max_frames)
    if fps is not None:
        num_frames = round(_duration(frame_seconds, duration_seconds) * fps)
    elif num_frames is None:
        num_frames = max_frames
    return _spread_in_time(frame_seconds, min(max(num_frames, 1), max_frames, len(frame_seconds)))


def check_sampling(*, num_frames: int | None, fps: float | None, max_frames: int) -> None:
    """Checks the options of `sample_frame_indices`.

    Raises:
        ValueError: If they contradict each other or are out of range. The message names the values.
    """
    if num_frames is not None and fps is not None:
        raise ValueError(f"Give num_frames or fps, not both: got num_frames={num_frames} and fps={fps}.")
    for name, value, kind in (
        ("num_frames", num_frames, Integral),
        ("max_frames", max_frames, Integral),
        ("fps", fps, Real),
    ):
        if value is not None and (not isinstance(value, kind) or isinstance(value, bool)):
            raise ValueError(f"{name}={value!r} must be {'a whole number' if kind is Integral else 'a number'}.")
    if max_frames <= 0:
        raise ValueError(f"max_frames must be positive, got {max_frames}.")
    if num_frames is not None and num_frames <= 0:
        raise ValueError(f"num_frames must be positive, got {num_frames}.")
    if num_frames is not None and num_frames > max_frames:
        raise ValueError(f"num_frames={num_frames} is more than max_frames={max_frames}.")
    if fps is not None and not 0 < fps < float("inf"):
        raise ValueError(f"fps must be positive and finite, got {fps}.")


def frames_between(
    frame_seconds: np.ndarray, start_seconds: float | None, end_seconds: float | None, duration_seconds: float
) -> np.ndarray:
    """Finds the frames whose times lie between two times, both included.

    Args:
        frame_seconds: Times of all frames, `(frames of the video,)`, sorted.
        start_seconds: Beginning; None is the beginning of the video.
        end_seconds: End; None or a later time is the end of the video.
        duration_seconds: End of the last frame.

    Returns:
        Frame indices, at least one: if no frame begins in between, it is the one that is on the screen.

    Raises:
        ValueError: If a value is not a time, the two are in the wrong order, or the video ends before the beginning.
    """
    for name, value in (("start_seconds", start_seconds), ("end_seconds", end_seconds)):
        if value is not None and (not isinstance(value, Real) or isinstance(value, bool) or not 0 <= value < np.inf):
            raise ValueError(f"{name}={value!r} must be a time in seconds, at least 0.")
    start, end = start_seconds or 0.0, np.inf if end_seconds is None else end_seconds
    if end < start:
        raise ValueError(f"end_seconds={end_seconds} comes before start_seconds={start_seconds}.")
    if start > max(duration_seconds, frame_seconds[-1]):
        raise ValueError(f"start_seconds={start_seconds} lies after the end of the video, {duration_seconds:.3f} s.")
    # Times in files are rounded, by up to a microsecond.
    first, after = np.searchsorted(frame_seconds, [start - 1e-6, end + 1e-6])
    return np.arange(first, after) if first < after else np.array([max(first - 1, 0)])


def nearest_indices(sorted_seconds: np.ndarray, seconds: np.ndarray) -> np.ndarray:
    """Finds the nearest time for each of some times; on a tie, the earlier one.

    Args:
        sorted_seconds: The times to choose from, sorted, at least one.
        seconds: The times to look for, in any order.

    Returns:
        Indices into `sorted_seconds`, one for each of `seconds`.
    """
    right = np.searchsorted(sorted_seconds, seconds).clip(1, max(len(sorted_seconds) - 1, 1))
    left = right - 1
    right = right.clip(max=len(sorted_seconds) - 1)
    # Rounding must not decide a tie. Distances that are equal differ in their last digits.
    nearer_right = np.abs(sorted_seconds[right] - seconds) + 1e-9 < np.abs(sorted_seconds[left] - seconds)
    return np.where(nearer_right, right, left)


def _duration(frame_seconds: np.ndarray, duration_seconds: float | None) -> float:
    if duration_seconds is not None:
        return duration_seconds
    num_gaps = max(len(frame_seconds) - 1, 1)
    return float(frame_seconds[-1] - frame_seconds[0]) * len(frame_seconds) / num_gaps


def _spread_in_time(frame_seconds: np.ndarray, count: int) -> np.ndarray:
    """Chooses the frames nearest to evenly spread times; see `sample_frame_indices`."""
    first, last = frame_seconds[0], frame_seconds[-1]
    if count == 1:
        return nearest_indices(frame_seconds, np.array([(first + last) / 2]))
    targets = np.linspace(first, last, count)
    nearest = nearest_indices(frame_seconds, targets)
    nearest[0], nearest[-1] = 0, len(frame_seconds) - 1  # also where several frames have the same time
    chosen = _make_distinct(nearest, len(frame_seconds))
    spacing = (last - first) / (count - 1)
    if (np.abs(frame_seconds[chosen] - targets) <= spacing + 1e-9).all():
        return chosen
    return _fill_gaps(frame_seconds, np.unique(nearest), count)


def _make_distinct(indices: np.ndarray, total: int) -> np.ndarray:
    """Moves non-decreasing `indices`, `(N,)`, apart until all differ: forward, then back to stay below `total`."""
    steps = np.arange(len(indices))
    forward = np.maximum.accumulate(indices - steps) + steps
    room = total - len(indices) + steps  # the largest index that leaves room for those that follow
    return np.minimum(forward, room)


def _fill_gaps(frame_seconds: np.ndarray, chosen: np.ndarray, count: int) -> np.ndarray:
    """Adds frames to the `chosen` ones, one by one, until there are `count`, `(N,)`.

    Each time, it is the frame that is farthest in time from any chosen one; on a tie, the earliest.
    """
    all_chosen = chosen.tolist()
    # The best frame of each gap between two chosen frames, the one with the largest distance first.
    best = [gap for pair in pairwise(all_chosen) for gap in _middle_frame(frame_seconds, *pair)]
    heapify(best)
    while len(all_chosen) < count:
        _, frame, before, after = heappop(best)
        all_chosen.append(frame)
        for pair in ((before, frame), (frame, after)):
            for gap in _middle_frame(frame_seconds, *pair):
                heappush(best, gap)
    return np.sort(np.array(all_chosen, dtype=np.int64))


def _middle_frame(frame_seconds: np.ndarray, before: int, after: int) -> list[tuple[float, int, int, int]]:
    """Finds the frame between two chosen ones that is farthest from both: the one nearest to the middle.

    Returns:
        The negative distance, the frame, `before` and `after`; nothing if there is no frame in between.
    """
    if after - before < 2:
        return []
    start, end = float(frame_seconds[before]), float(frame_seconds[after])
    right = bisect_left(frame_seconds, (start + end) / 2, before + 1, after - 1)
    candidates = [frame for frame in (right - 1, right) if frame > before]
    # Rounding must not decide a tie here either.
    distances = [round(min(float(frame_seconds[f]) - start, end - float(frame_seconds[f])), 9) for f in candidates]
    distance = max(distances)
    return [(-distance, candidates[distances.index(distance)], before, after)]
