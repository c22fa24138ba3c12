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
"""Decoding the wanted frames of a segment, starting at a key packet."""

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from fractions import Fraction
from typing import Any

import numpy as np

from .reader_animation import AnimationDecoder
from .reader_container import VideoContainer
from .reader_counting import CountingDecoder, open_counting_decoder
from .reader_damage import DamageFilter, is_zero_filled
from .reader_errors import IndexContradictedError
from .reader_index import FrameIndex, Segment
from .reader_nal import unreferenced_test
from .reader_packets import PacketReader
from .reader_source import VideoSource, av


# Decoding can start at frames of H.264 and HEVC that are no key frames (recovery points), and libvpx calls no frame a
# key frame. The flags of these codecs are checked when the packets are listed.
CODECS_WITH_OTHER_STARTS = ("h264", "hevc", "libvpx", "libvpx-vp9")


@contextmanager
def open_decoders(source: VideoSource, index: FrameIndex) -> Iterator[Callable[[int], "FrameDecoder"]]:
    """Gives a function that opens a decoder with a number of threads. All its decoders read from one container."""
    if index.packets is None:
        yield lambda num_threads: open_counting_decoder(source, 1 if index.num_damaged else num_threads)
        return
    with closing(PacketReader(source, index.packets)) as packets:
        yield lambda num_threads: SeekingDecoder(source, index.frame_pts, packets, num_threads)


class SeekingDecoder:
    """Decodes segments, from packets that it shares with other decoders. Several of them run side by side.

    A frame that cannot be decoded, or only with invented parts, is left out. `frames` raises an IndexContradictedError
    if a key packet gives a frame that is no key frame, or if whole frames come in another order than that of their
    times.

    Args:
        source: The video, which is opened for a moment to learn how to decode it.
        frame_pts: Presentation times of all frames, `(frames,)`.
        packets: Where packets are read from.
        num_threads: Number of threads of the codec.

    Attributes:
        sample_aspect_ratio: Width of a pixel over its height; None if the file does not say.
    """

    def __init__(self, source: VideoSource, frame_pts: np.ndarray, packets: PacketReader, num_threads: int):
        self._frame_pts = frame_pts
        self._packets = packets
        self._num_threads = num_threads
        self._is_stopped = False
        self._start_is_damaged = False  # whether the packet at which decoding started last gave an error
        with closing(VideoContainer(source)) as container:
            self._codec = container.codec(num_threads)
            self.sample_aspect_ratio: Fraction | None = container.sample_aspect_ratio
            self._check_work = container.check_work
        self._checks_key_frames = self._codec.name not in CODECS_WITH_OTHER_STARTS
        self._is_unreferenced = unreferenced_test(self._codec.name, self._codec.extradata)

    def stop(self) -> None:
        """Ends the frames of all decoders that share the packets soon; called from another thread."""
        self._is_stopped = True
        self._packets.stop()

    def close(self) -> None:
        """Does nothing: the codec is freed with this object, and the packets belong to all decoders."""

    def frames(self, segment: Segment) -> Iterator[tuple[int, "av.VideoFrame"]]:
        """Yields the wanted frames of a segment with their indices, in time order.

        A decoder that starts at a key packet may hold frames back until its picture has recovered (intra refresh).
        A segment with a gap is therefore decoded again from the key packet before, unless the key packet itself is
        damaged, which loses all frames of the segment from wherever it is decoded.
        """
        self._check_work(segment.stop - segment.start)
        wanted = deque(segment.frames.tolist())
        for start in (segment.start, self._packets.keys.last_before(segment.start)):
            is_last_try = start == 0 or start < segment.start
            for frame_index, frame in self._decode(start, segment.stop, list(wanted)):
                if wanted and wanted[0] < frame_index and not is_last_try:
                    break
                while wanted and wanted[0] < frame_index:
                    wanted.popleft()
                if wanted and wanted[0] == frame_index:
                    yield wanted.popleft(), frame
            if not wanted or is_last_try or self._start_is_damaged:
                return

    def _decode(self, start: int, stop: int, wanted: list[int]) -> Iterator[tuple[int, "av.VideoFrame"]]:
        """Decodes packets `[start, stop)` and yields the wanted frames that are whole, in the order they are shown."""
        index_of_pts = {int(self._frame_pts[frame]): frame for frame in wanted}
        damage = DamageFilter(start, self._packets.keys.pts_of(start), decoder_delay=self._num_threads - 1)
        self._codec.flush_buffers()
        self._start_is_damaged = False
        for number, packet in self._read(start, stop):
            self._codec.skip_unreferenced(self._is_useless(packet, index_of_pts))
            damage.sent(number, packet.pts, packet.is_corrupt or is_zero_filled(self._codec.name, memoryview(packet)))
            self._send(number, packet, damage, index_of_pts)
            yield from damage.release()
        self._send(stop, None, damage, index_of_pts)
        yield from damage.release(at_end=True)

    def _read(self, start: int, stop: int) -> Iterator[tuple[int, Any]]:
        """Yields packets `[start, stop)` with their numbers."""
        while start < stop and (batch := self._packets.read(start, stop)):
            start = batch[-1][0] + 1
            while batch and not self._is_stopped:
                number, packet = batch.popleft()
                if packet.pts is not None:  # damage may look different from when the packets were listed
                    yield number, packet

    def _is_useless(self, packet: Any, index_of_pts: dict[int, int]) -> bool:
        """Whether the picture of a packet is not wanted and no other picture is predicted from it."""
        if packet.pts in index_of_pts or self._is_unreferenced is None:
            return False
        return self._is_unreferenced(memoryview(packet))

    def _send(self, number: int, packet: Any, damage: DamageFilter, index_of_pts: dict[int, int]) -> None:
        """Decodes a packet, or whatever is left in the codec if it is None, and hands on the frames that come out."""
        try:
            frames = self._codec.decode(packet)
        except av.FFmpegError:
            frames = []
            if packet is not None:
                damage.failed(number, packet.pts)
                # With several threads, the error may be that of an earlier packet.
                self._start_is_damaged |= number == damage.start_packet and self._num_threads == 1
        for frame in frames:
            self._check_order(frame, damage)
            is_wanted = frame.pts in index_of_pts
            damage.came(frame.pts, frame.is_corrupt, (index_of_pts[frame.pts], frame) if is_wanted else None)

    def _check_order(self, frame: Any, damage: DamageFilter) -> None:
        """Checks that a frame is what the index takes it for."""
        if frame.is_corrupt or damage.is_damaged or frame.pts is None:
            return
        if damage.is_too_early(frame.pts):
            raise IndexContradictedError("A frame comes after one that is shown later.")
        if (
            frame.pts == damage.start_pts
            and damage.start_packet > 0
            and not frame.key_frame
            and self._checks_key_frames
        ):
            raise IndexContradictedError("A key packet holds no key frame.")


FrameDecoder = SeekingDecoder | CountingDecoder | AnimationDecoder
