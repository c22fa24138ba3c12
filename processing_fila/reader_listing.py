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
"""Listing the packets of a video, which needs no decoding, and judging whether they identify its frames.

They do not where the container is wrong about them or says too little. The frames are then found by decoding all of
them in their order (`reader_counting`). Wrong key-frame flags, and single bad times of frames that are stored in the
order in which they are shown, are put right here.
"""

from array import array
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import chain, islice
from typing import Any

import numpy as np

from .reader_container import VideoContainer
from .reader_headers import H264Fields, ParameterSets, predicted_test
from .reader_index import FrameIndex, index_from_packets
from .reader_mending import mend_in_groups
from .reader_source import VideoSource, av
from .reader_times import LONGEST_GAP_SECONDS, clock_offsets, mend_times


KEY, SHOWN, TIMED = 1, 2, 4
# Flags that are right for so many key packets are right for all; likewise fields are found among so many packets.
ENOUGH_PACKETS = 1000
# No codec keeps more pictures waiting to be shown, so no right time is farther from its place in the file.
MAX_REORDER = 16
# These are decoded to see whether the times of a doubtful stream are those of presentation.
TRIAL_PACKETS = 32


@dataclass(frozen=True)
class Listing:
    """What the packets of a video say.

    Attributes:
        index: The frames; None if the packets do not identify them.
        offsets: What to add to the time of each packet so that parts follow one another, `(packets,)` int64; None if
            there is one part.
        rises: Whether times never fall from one packet to the next.
        has_decoding_times_only: Whether the format has no presentation times.
        num_promised: Number of frames in the table of the file; 0 if it has none.
        is_cut: Whether the file ends within a packet, which is not listed.
        is_doubtful: Whether the times may be those of decoding (see `decodes_as_listed`).
    """

    index: FrameIndex | None = None
    offsets: np.ndarray | None = None
    rises: bool = False
    has_decoding_times_only: bool = False
    is_doubtful: bool = False
    num_promised: int = 0
    is_cut: bool = False


def list_packets(source: VideoSource) -> Listing:
    """Lists the packets from the start of the file; nothing is decoded."""
    with closing(VideoContainer(source)) as container:
        packets = _Packets(source, container)
        packets.add(container.packets())
        listing = packets.judge()
        facts: dict[str, Any] = {"num_promised": container.num_promised, "is_cut": packets.are_cut}
        return replace(listing, index=listing.index and replace(listing.index, **facts), **facts)


def decodes_as_listed(source: VideoSource) -> bool:
    """Decodes the first packets to see whether frames come in the order of their times."""
    pts: list[int] = []
    with closing(VideoContainer(source)) as container:
        codec = container.codec(num_threads=1)
        try:
            for packet in chain(islice(container.packets(), TRIAL_PACKETS), [None]):
                pts += [frame.pts for frame in codec.decode(packet) if frame.pts is not None]
        except av.FFmpegError:
            return True  # damage says nothing about the order
    return bool((np.diff(pts) > 0).all())


class _Packets:
    """Facts of the packets."""

    def __init__(self, source: VideoSource, container: VideoContainer):
        self._source = source
        self._container = container
        self._pts, self._flags, self._key_positions = array("q"), bytearray(), array("q")
        self._last_ticks = 0
        self._is_vp8 = container.codec_name == "vp8"
        self._has_palette = container.has_palette
        self._is_predicted = predicted_test(container.codec_name, container.extradata)
        self._num_tested = 0
        self._sets = ParameterSets(container.codec_name, container.extradata)
        self._fields = H264Fields(container.codec_name, container.extradata)
        self._num_for_fields = ENOUGH_PACKETS if self._fields.are_possible else 0
        self._num_to_look_at = 2**63 if self._has_palette else max(self._num_for_fields, 1)
        self._has_fields = self._has_setup_packets = False
        self.are_cut = False  # whether the file ends within the last packet

    def add(self, packets: Iterator[Any]) -> None:
        """Takes all packets of the video. An hour has 100,000 or more, so this is the loop that counts."""
        pts_of_packets, flags = self._pts, self._flags
        last_pts, last_ticks, pts, packet = -(2**63), 0, 0, None
        for packet in packets:
            is_shown = not packet.is_discard and not (self._is_vp8 and _is_hidden_vp8(packet))
            flag = SHOWN if is_shown else 0
            if packet.is_keyframe or len(flags) < self._num_to_look_at:
                flag |= self._look_at(packet)
            if (stored_pts := packet.pts) is not None:
                pts, flag = stored_pts, flag | TIMED
                if is_shown and pts > last_pts:
                    last_pts, last_ticks = pts, packet.duration
            flags.append(flag)
            pts_of_packets.append(pts)
        self._last_ticks = last_ticks or 0
        if packet is not None and packet.is_corrupt and len(flags) > 1:
            self._leave_out_last()

    def _leave_out_last(self) -> None:
        self.are_cut, self._last_ticks = True, 0
        self._pts.pop()
        if self._flags.pop() & KEY:
            self._key_positions.pop()

    def _look_at(self, packet: Any) -> int:
        """Notes what else a packet says. Returns KEY if it is a key packet, and 0 otherwise."""
        if not self._has_fields and len(self._flags) < self._num_for_fields:
            self._has_fields = self._fields.is_single(memoryview(packet))
        is_key = packet.is_keyframe
        if is_key or self._has_palette:
            self._look_at_side_data(packet)
        is_key = is_key and not self._is_wrongly_flagged(packet)
        if is_key:
            self._sets.add(memoryview(packet))
        if not is_key and self._flags:
            return 0
        self._key_positions.append(-1 if packet.pos is None else packet.pos)
        return KEY  # whatever the first packet is, decoding can start nowhere before it

    def judge(self) -> Listing:
        """Returns what the packets say."""
        flags = np.array(self._flags)
        if len(flags) == 0 or self._container.has_decoding_times_only:
            return Listing(has_decoding_times_only=True)
        is_key, is_shown, is_timed = (flags & flag > 0 for flag in (KEY, SHOWN, TIMED))
        pts = np.array(self._pts)
        offsets = clock_offsets(pts, is_key, self._longest_gap)
        if offsets is not None:
            pts = pts + offsets
        rises = bool((np.diff(pts) >= 0).all())
        if offsets is not None or self._has_fields or self._has_setup_packets or self._sets.come_once:
            return Listing(offsets=offsets, rises=rises)
        mended = self._mended(pts, is_timed, is_key)
        if mended is None:
            return Listing(rises=rises)
        index = self._index(mended, is_key, is_shown, np.flatnonzero(mended != pts))
        return Listing(index, rises=rises, is_doubtful=rises and self._container.has_b_frames)

    def _is_wrongly_flagged(self, packet: Any) -> bool:
        """Whether the picture of a packet that is flagged as a key packet is predicted from others."""
        if self._is_predicted is None or self._num_tested == ENOUGH_PACKETS:
            return False
        is_predicted = self._is_predicted(memoryview(packet))
        self._num_tested = 0 if is_predicted else self._num_tested + 1
        return is_predicted

    def _look_at_side_data(self, packet: Any) -> None:
        """Notes a configuration or a palette that the decoder needs for the packets that follow."""
        for data in packet.iter_sidedata():
            if data.data_type == "palette" or (
                data.data_type == "new_extradata" and bytes(data) != self._container.extradata
            ):
                self._has_setup_packets = True

    @property
    def _longest_gap(self) -> float | None:
        has_gaps = not self._container.has_jumping_clock
        return None if has_gaps else LONGEST_GAP_SECONDS / float(self._container.time_base)

    def _mended(self, pts: np.ndarray, is_timed: np.ndarray, is_key: np.ndarray) -> np.ndarray | None:
        """Returns times without a bad one, or None if only decoding everything tells the order of the frames."""
        has_b_frames = self._container.has_b_frames
        is_suspect = _suspects(pts, is_timed, has_b_frames)
        if not is_suspect.any():
            return pts
        if 2 * np.count_nonzero(is_timed) < len(pts):
            return None
        if has_b_frames or (np.diff(pts) < 0).any():
            mended = mend_in_groups(self._source, pts, is_timed, is_key, is_suspect)
        else:
            mended = mend_times([int(time) if known else None for time, known in zip(pts, is_timed, strict=True)])
        return None if mended is None or _suspects(mended, is_timed | True, has_b_frames).any() else mended

    def _index(
        self, pts: np.ndarray, is_key: np.ndarray, is_shown: np.ndarray, mended: np.ndarray
    ) -> FrameIndex | None:
        return index_from_packets(
            pts,
            is_key=is_key,
            is_shown=is_shown,
            key_positions=np.array(self._key_positions),
            mended_pts={packet: int(pts[packet]) for packet in mended.tolist()},
            last_ticks=self._last_ticks,
            nominal_ticks=self._container.nominal_ticks,
            time_base=self._container.time_base,
        )


def _suspects(pts: np.ndarray, is_timed: np.ndarray, has_b_frames: bool) -> np.ndarray:
    """Returns which packets have no time, or the time of another one, or one far from their place, `(packets,)`."""
    by_time = np.argsort(pts, kind="stable") if has_b_frames else np.arange(len(pts))
    is_repeated = np.zeros(len(pts) + 1, dtype=bool)
    is_repeated[1:-1] = np.diff(pts[by_time]) <= 0
    is_suspect = ~is_timed
    is_suspect[by_time] |= is_repeated[1:] | is_repeated[:-1] | (np.abs(by_time - np.arange(len(pts))) > MAX_REORDER)
    return is_suspect


def _is_hidden_vp8(packet) -> bool:
    """Whether a VP8 packet holds a reference frame that is never shown (`show_frame`, RFC 6386, 9.1)."""
    return not memoryview(packet)[0] & 0x10
