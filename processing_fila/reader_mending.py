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
"""Mending single bad times where frames may be stored in another order than they are shown in.

Only decoding tells the order of the frames around a bad time. The groups of pictures around it are decoded, not more.
"""

from contextlib import closing

import numpy as np

from .reader_container import VideoContainer
from .reader_source import VideoSource, av
from .reader_times import mend_times


# Past this share of the video, everything may as well be decoded.
MAX_SHARE = 0.5


def mend_in_groups(
    source: VideoSource, pts: np.ndarray, is_timed: np.ndarray, is_key: np.ndarray, is_suspect: np.ndarray
) -> np.ndarray | None:
    """Returns the times of all packets, of which the bad ones are mended.

    Args:
        source: The video.
        pts: Presentation times in file order, `(packets,)` int64.
        is_timed: Whether a packet has a time at all, `(packets,)`.
        is_key: Whether decoding can start at a packet, `(packets,)`.
        is_suspect: Whether the time of a packet may be bad, `(packets,)`.

    Returns:
        Times, `(packets,)` int64; None if there is too much to decode, or decoding fails or agrees with few times.
    """
    is_wanted = _packets_around(is_key, is_suspect)
    if np.count_nonzero(is_wanted) > MAX_SHARE * len(pts):
        return None
    runs = _shown_order(source, is_wanted)
    if runs is None:
        return None
    mended = pts.copy()
    for shown in runs:
        times = mend_times([int(pts[number]) if is_timed[number] else None for number in shown])
        if np.count_nonzero(times != pts[shown]) > np.count_nonzero(is_suspect[shown]):
            return None
        mended[shown] = times
    return mended


def _packets_around(is_key: np.ndarray, is_suspect: np.ndarray) -> np.ndarray:
    """Returns whether packets belong to a group with a suspect or to one next to it, `(packets,)`."""
    group = np.cumsum(is_key)
    is_wanted = np.zeros(group[-1] + 2, dtype=bool)
    for neighbor in (-1, 0, 1):
        is_wanted[(group[is_suspect] + neighbor).clip(1)] = True
    return is_wanted[group]


def _shown_order(source: VideoSource, is_wanted: np.ndarray) -> list[list[int]] | None:
    """Decodes runs of packets. Returns their numbers in the order in which they are shown, for each run."""
    runs: list[list[int]] = []
    with closing(VideoContainer(source)) as container:
        codec = container.codec(num_threads=1)
        last = int(np.flatnonzero(is_wanted)[-1])
        try:
            for number, packet in enumerate(container.packets()):
                if number > last:
                    break
                if not is_wanted[number]:
                    continue
                if number == 0 or not is_wanted[number - 1]:
                    runs.append([])
                packet.pts = packet.dts = number
                runs[-1] += [frame.pts for frame in codec.decode(packet)]
                if number == last or not is_wanted[number + 1]:
                    runs[-1] += [frame.pts for frame in codec.decode(None)]
                    codec.flush_buffers()
        except av.FFmpegError:
            return None
    return None if any(None in run or not run for run in runs) else runs
