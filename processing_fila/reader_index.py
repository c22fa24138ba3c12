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
"""What is known about the frames of a video before any is decoded: their times, and the packets that hold them.

Frames are numbered in time order, packets in file order, which is the order of decoding.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np

from .reader_errors import IndexContradictedError


@dataclass(frozen=True)
class KeyPackets:
    """The packets at which decoding can start, and the first packet of the file.

    Attributes:
        packets: Their numbers, `(key packets,)` int32, increasing.
        pts: Their presentation times in units of the time base, `(key packets,)` int64.
        positions: Their places in the file in bytes, `(key packets,)` int64; -1 where the format does not say.
    """

    packets: np.ndarray
    pts: np.ndarray
    positions: np.ndarray

    def last_before(self, packet: int) -> int:
        """Returns the last key packet before a packet, or the first packet of the file."""
        return int(self.packets[max(int(np.searchsorted(self.packets, packet)) - 1, 0)])

    def last_up_to(self, packet: int) -> int:
        """Returns the packet itself if it is a key packet, and otherwise the last key packet before it."""
        return int(self.packets[np.searchsorted(self.packets, packet, side="right") - 1])

    def pts_of(self, packet: int) -> int:
        """Returns the presentation time of a key packet."""
        return int(self.pts[np.searchsorted(self.packets, packet)])

    def find(self, pts: int | None, position: int) -> int | None:
        """Returns the key packet with this presentation time at this place in the file, or None if there is none.

        Raises:
            IndexContradictedError: If the packet at this place had another time when the packets were listed.
        """
        is_here = self.positions == position if position >= 0 else np.ones(len(self.pts), dtype=bool)
        found = np.flatnonzero(is_here & (self.pts == pts))
        if len(found) == 0 and position >= 0 and np.count_nonzero(is_here) == 1:
            raise IndexContradictedError(
                f"After a seek, a packet has the time {pts} instead of {self.pts[is_here][0]}."
            )
        return int(self.packets[found[0]]) if len(found) else None


@dataclass(frozen=True)
class PacketIndex:
    """Which packet holds each frame, and where decoding has to start to reach it.

    Frames that are reached from the same key packet are a group; all arrays are int32.

    Attributes:
        keys: The packets at which decoding can start.
        frame_packets: The packet of each frame, `(frames,)`.
        group_frames: The first frame of each group, `(groups,)`.
        group_packets: The key packet of each group, `(groups,)`.
        mended_pts: Presentation times of the packets that have no right one in the file, by packet number.
    """

    keys: KeyPackets
    frame_packets: np.ndarray
    group_frames: np.ndarray
    group_packets: np.ndarray
    mended_pts: dict[int, int] = field(default_factory=dict)

    def groups_of(self, frames: np.ndarray) -> np.ndarray:
        """Returns the group of each frame."""
        return np.searchsorted(self.group_frames, frames, side="right") - 1

    def frames_of_group(self, group: int) -> np.ndarray:
        """Returns all frames of a group."""
        is_last = group + 1 == len(self.group_frames)
        stop = len(self.frame_packets) if is_last else self.group_frames[group + 1]
        return np.arange(self.group_frames[group], stop)


@dataclass(frozen=True)
class FrameIndex:
    """The frames of a video stream in time order.

    Attributes:
        frame_pts: Presentation times in units of the time base, `(frames,)` int64, sorted.
        end_pts: End of the last frame in units of the time base.
        time_base: Seconds in one unit.
        packets: Where the frames are in the file; None if frames can only be found by decoding and counting all.
        key_frames: Frames that can be decoded alone, `(key frames,)`; the first frame if none is known.
        num_damaged: Number of frames that were left out as damaged when the frames were counted. Only the same way of
            decoding gives the same frames again.
        num_promised: Number of frames in the table of the file; 0 if it has none.
        is_cut: Whether the file ends within a packet.
    """

    frame_pts: np.ndarray
    end_pts: int
    time_base: Fraction
    packets: PacketIndex | None = None
    key_frames: np.ndarray = field(default_factory=lambda: np.zeros(1, dtype=np.int64))
    num_damaged: int = 0
    num_promised: int = 0
    is_cut: bool = False

    @property
    def frame_seconds(self) -> np.ndarray:
        """Times in seconds, `(frames,)` float64, the first at 0. Computed on every access."""
        seconds = np.empty(len(self.frame_pts))
        np.subtract(self.frame_pts, self.frame_pts[0], out=seconds, casting="unsafe")  # exact for integers up to 2^53
        seconds *= self.time_base.numerator
        seconds /= self.time_base.denominator
        return seconds

    @property
    def duration_seconds(self) -> float:
        """Seconds from the start of the first frame to the end of the last."""
        return float((self.end_pts - int(self.frame_pts[0])) * self.time_base)

    def groups(self) -> Iterator[np.ndarray]:
        """Yields the frames of each group, in time order; all frames at once if nothing is known about packets."""
        if self.packets is None:
            yield np.arange(len(self.frame_pts))
            return
        for group in range(len(self.packets.group_frames)):
            yield self.packets.frames_of_group(group)

    def decoded_together(self, frames: np.ndarray) -> np.ndarray:
        """Returns all frames of the groups that `frames` belong to; all if nothing is known about packets."""
        if self.packets is None:
            return np.arange(len(self.frame_pts))
        groups = np.unique(self.packets.groups_of(frames))
        return np.concatenate([self.packets.frames_of_group(group) for group in groups.tolist()])


@dataclass(frozen=True)
class Segment:
    """Packets `[start, stop)`, which are decoded in one go, and the frames wanted from them (sorted indices)."""

    start: int
    stop: int
    frames: np.ndarray


def plan_segments(index: FrameIndex, frames: np.ndarray) -> list[Segment]:
    """Finds the packets that have to be decoded to get some frames.

    Args:
        index: The index of the video.
        frames: Increasing frame indices.

    Returns:
        One segment for each group with a wanted frame, in time order.
    """
    if len(frames) == 0:
        return []
    packets = index.packets
    if packets is None:
        return [Segment(0, len(index.frame_pts), frames)]
    groups = packets.groups_of(frames)
    frames_of_segments = np.split(frames, np.flatnonzero(np.diff(groups)) + 1)
    starts = packets.group_packets[np.unique(groups)].tolist()
    return [
        Segment(start, int(packets.frame_packets[wanted].max()) + 1, wanted)
        for start, wanted in zip(starts, frames_of_segments, strict=True)
    ]


def index_from_packets(
    pts: np.ndarray,
    is_key: np.ndarray,
    is_shown: np.ndarray,
    key_positions: np.ndarray,
    *,
    mended_pts: dict[int, int],
    last_ticks: int,
    nominal_ticks: float,
    time_base: Fraction,
) -> FrameIndex | None:
    """Makes the index of a video from a list of its packets.

    Args:
        pts: Presentation times in units of the time base, `(packets,)` int64.
        is_key: Whether decoding can start at a packet, `(packets,)`; it can at the first.
        is_shown: Whether the picture of a packet is shown, `(packets,)`.
        key_positions: Places of the key packets in the file in bytes, `(key packets,)` int64; -1 where the format
            does not say.
        mended_pts: The times among `pts` that are not those in the file, by packet number.
        last_ticks: Duration of the last frame in units of the time base; 0 if unknown.
        nominal_ticks: Duration of a frame by the header; 0 if unknown.
        time_base: Seconds in one unit.

    Returns:
        The index, or None if no packet is shown or two packets have the same time.
    """
    by_time = np.argsort(pts).astype(np.int32)
    if not is_shown.any() or (np.diff(pts[by_time]) == 0).any():
        return None
    key_packets = np.flatnonzero(is_key).astype(np.int32)
    is_mended = np.isin(key_packets, list(mended_pts))  # found again neither by a time nor by a place
    keys = KeyPackets(key_packets, pts[key_packets], np.where(is_mended, -1, key_positions))
    frame_packets = by_time[is_shown[by_time]]
    frame_pts = pts[frame_packets]
    key_frames = np.flatnonzero(is_key[frame_packets])
    starts = _decoding_starts(keys, frame_packets, frame_pts)
    group_frames = np.flatnonzero(np.diff(starts, prepend=-1)).astype(np.int32)
    return FrameIndex(
        frame_pts=frame_pts,
        end_pts=guess_end(frame_pts, nominal_ticks, last_ticks),
        time_base=time_base,
        packets=PacketIndex(keys, frame_packets, group_frames, starts[group_frames], mended_pts),
        key_frames=key_frames if len(key_frames) else np.zeros(1, dtype=np.int64),
    )


def guess_end(frame_pts: np.ndarray, nominal_ticks: float, last_ticks: int = 0) -> int:
    """Returns the end of the last frame in units of the time base.

    A last frame of unknown duration (0) lasts as long as the median gap between frames, and a single frame of unknown
    duration as long as the header says.
    """
    if last_ticks <= 0:
        last_ticks = round(np.median(np.diff(frame_pts)) if len(frame_pts) > 1 else nominal_ticks)
    return int(frame_pts[-1]) + last_ticks


def _decoding_starts(keys: KeyPackets, frame_packets: np.ndarray, frame_pts: np.ndarray) -> np.ndarray:
    """Returns where decoding starts for each frame: the last key packet at or before it, in the file and in time.

    Frames that follow a key packet in the file and precede it in time (an open GOP) need the GOP before it as well.
    """
    choice = np.searchsorted(keys.packets, frame_packets, side="right") - 1
    while (too_late := (keys.pts[choice] > frame_pts) & (choice > 0)).any():
        choice -= too_late
    starts = keys.packets[choice]
    return np.minimum.accumulate(starts[::-1])[::-1]  # a later frame never starts earlier in the file
