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
"""Decoding from the first frame on, for videos whose packets do not identify the frames."""

from collections.abc import Iterator
from fractions import Fraction

import numpy as np

from .reader_animation import AnimationDecoder
from .reader_container import VideoContainer
from .reader_damage import is_zero_filled
from .reader_index import Segment
from .reader_source import VideoSource, av


def open_counting_decoder(source: VideoSource, num_threads: int) -> "CountingDecoder | AnimationDecoder":
    """Opens the decoder that finds the frames of this video by counting. The caller closes it."""
    return AnimationDecoder(source) if source.is_webp else CountingDecoder(source, num_threads)


class CountingDecoder:
    """Decodes a video once, from its first frame on.

    Args:
        source: The video, which the decoder opens for itself.
        num_threads: Number of threads of the codec.

    Attributes:
        num_damaged: Number of frames that were damaged so far.
    """

    def __init__(self, source: VideoSource, num_threads: int):
        self._container = VideoContainer(source)
        self._codec = self._container.codec(num_threads)
        self._packets = self._container.packets()
        self._is_stopped = False
        self.num_damaged = 0

    @property
    def sample_aspect_ratio(self) -> Fraction | None:
        """Width of a pixel over its height; None if the file does not say."""
        return self._container.sample_aspect_ratio

    @property
    def time_base(self) -> Fraction:
        """Seconds in one unit of the presentation times."""
        return self._container.time_base

    @property
    def nominal_ticks(self) -> float:
        """Duration of a frame by the header, in units of the time base; 0 if the header does not say."""
        return self._container.nominal_ticks

    def stop(self) -> None:
        """Ends the frames soon; called from another thread."""
        self._is_stopped = True

    def close(self) -> None:
        self._container.close()

    def frames(self, segment: Segment) -> Iterator[tuple[int, "av.VideoFrame"]]:
        """Yields the wanted frames with their indices."""
        self._container.check_work(int(segment.frames[-1]) + 1)
        wanted = set(segment.frames.tolist())
        for frame_index, frame in enumerate(self.all_frames()):
            if frame_index in wanted:
                yield frame_index, frame
            if frame_index >= segment.frames[-1] or self._is_stopped:
                return

    def all_frames(self, offsets: np.ndarray | None = None) -> Iterator["av.VideoFrame"]:
        """Yields every frame; after a damaged frame, none until the next key frame.

        Args:
            offsets: What to add to the times of each packet, `(packets,)` int64.
        """
        is_whole = True
        for packet in self._moved_packets(offsets):
            frames = self._decode(packet)
            if frames is None:
                frames, is_whole = [], False
                self.num_damaged += 1
            for frame in frames:
                is_whole = not frame.is_corrupt and (is_whole or frame.key_frame)
                if is_whole:
                    yield frame
                else:
                    self.num_damaged += 1

    def _decode(self, packet: "av.Packet | None") -> "list[av.VideoFrame] | None":
        """Returns the frames that come out of the codec, or None if the packet is damaged."""
        if packet is not None and is_zero_filled(self._codec.name, memoryview(packet)):
            return None
        try:
            return self._codec.decode(packet)
        except av.FFmpegError:
            return None

    def _moved_packets(self, offsets: np.ndarray | None) -> Iterator["av.Packet | None"]:
        """Yields the packets, and None at their end."""
        for number, packet in enumerate(self._packets):
            if offsets is not None and number < len(offsets):
                offset = int(offsets[number])
                packet.pts = None if packet.pts is None else packet.pts + offset
                packet.dts = None if packet.dts is None else packet.dts + offset
            yield packet
        yield None
