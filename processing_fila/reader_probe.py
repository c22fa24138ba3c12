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
"""The first look at a video: which frames it has, and how they are shown."""

from array import array
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import numpy as np

from .reader_container import VideoContainer
from .reader_counting import open_counting_decoder
from .reader_decoder import open_decoders
from .reader_errors import VideoReadError
from .reader_index import FrameIndex, guess_end, index_from_packets, plan_segments
from .reader_picture import Geometry, frame_geometry
from .reader_source import VideoSource, av


KEY, SHOWN = 1, 2


def probe(source: VideoSource) -> tuple[FrameIndex, Geometry]:
    """Finds out which frames a video has and how they are shown.

    1. The packets are listed, which needs no decoding. At the same time, the first packet is decoded for its geometry.
    2. If the first packet gives no picture, the geometry is that of the first frame that can be decoded.
    3. If packets do not identify the frames (raw streams, some AVI and TS files, WebP), the whole video is decoded.

    Raises:
        VideoReadError: If there is no video stream, or no frame can be decoded.
    """
    if source.is_webp:
        return _decode_everything(source)
    index, geometry = _list_packets_and_decode_first(source)
    if index is not None and geometry is None:
        geometry = _first_geometry(source, index)
    if index is None or geometry is None:
        return _decode_everything(source)
    return index, geometry


def _list_packets_and_decode_first(source: VideoSource) -> tuple[FrameIndex | None, Geometry | None]:
    """Does both at the same time, except for a remote file, which is better read from start to end.

    Threads also keep memory low: what glibc's malloc holds back when a thread ends is reused by the next thread, which
    is a decoder's.
    """
    with ThreadPoolExecutor(max_workers=1 if source.is_remote else 2) as pool:
        listing, first = pool.submit(_list_packets, source), pool.submit(_geometry_of_first_packet, source)
        return listing.result(), first.result()


def _list_packets(source: VideoSource) -> FrameIndex | None:
    """Lists the packets from the start of the file; nothing is decoded.

    Returns:
        None if packets do not identify the frames: there are none, one has no presentation time, or two have the same.
    """
    with closing(VideoContainer(source)) as container:
        if container.has_decoding_times_only:
            return None
        is_vp8 = container.codec_name == "vp8"
        pts, flags = array("q"), bytearray()
        last_pts, last_ticks = -(2**63), 0
        for packet in container.packets():
            if packet.pts is None:
                return None
            is_shown = not packet.is_discard and not (is_vp8 and _is_hidden_vp8(packet))
            pts.append(packet.pts)
            flags.append(KEY * packet.is_keyframe + SHOWN * is_shown)
            if is_shown and packet.pts > last_pts:
                last_pts, last_ticks = packet.pts, packet.duration or 0
        flags_of_packets = np.array(flags)
        return index_from_packets(
            np.array(pts),
            is_key=flags_of_packets & KEY > 0,
            is_shown=flags_of_packets & SHOWN > 0,
            last_ticks=last_ticks,
            nominal_ticks=container.nominal_ticks,
            time_base=container.time_base,
        )


def _is_hidden_vp8(packet) -> bool:
    """Whether a VP8 packet holds a reference frame that is never shown (`show_frame`, RFC 6386, 9.1)."""
    return not memoryview(packet)[0] & 0x10


def _geometry_of_first_packet(source: VideoSource) -> Geometry | None:
    """Decodes the first packet, which is enough for nearly all files.

    Returns:
        None if it is not a key packet, or its picture is damaged or not shown.
    """
    with closing(VideoContainer(source)) as container:
        codec, packet = container.codec(num_threads=1), next(container.packets(), None)
        if packet is None or not packet.is_keyframe:
            return None
        try:
            frames = codec.decode(packet) + codec.decode(None)
        except av.FFmpegError:
            return None
        is_whole = len(frames) == 1 and frames[0].pts == packet.pts and not frames[0].is_corrupt
        return frame_geometry(frames[0], container.sample_aspect_ratio) if is_whole else None


def _first_geometry(source: VideoSource, index: FrameIndex) -> Geometry | None:
    """Returns the geometry of the first frame that can be decoded, or None if none can."""
    with open_decoders(source, index) as open_decoder:
        decoder = open_decoder(1)
        for frames in index.groups():
            (segment,) = plan_segments(index, frames)
            for _, frame in decoder.frames(segment):
                return frame_geometry(frame, decoder.sample_aspect_ratio)
    return None


def _decode_everything(source: VideoSource) -> tuple[FrameIndex, Geometry]:
    """Decodes the whole video to learn its frames."""
    geometry, pts, dts = None, [], []
    with closing(open_counting_decoder(source, num_threads=1)) as decoder:
        for frame in decoder.all_frames():
            geometry = geometry or frame_geometry(frame, decoder.sample_aspect_ratio)
            pts.append(frame.pts)
            dts.append(frame.dts)
        if geometry is None:
            raise VideoReadError(f"{source.name}: not one frame could be decoded.")
        frame_pts = _shown_times(pts, dts, decoder.nominal_ticks)
        end_pts = guess_end(frame_pts, decoder.nominal_ticks, last_ticks=frame.duration)
        return FrameIndex(frame_pts=frame_pts, end_pts=end_pts, time_base=decoder.time_base), geometry


def _shown_times(pts: list[int | None], dts: list[int | None], nominal_ticks: float) -> np.ndarray:
    """Returns the presentation times of decoded frames, `(frames,)` int64.

    These are the presentation times of the frames, if every frame has one. AVI files have only decoding times, which
    are the same numbers in another order. For a raw stream without times, they follow from the nominal frame rate.
    """
    known_pts = [time for time in pts if time is not None]
    known_dts = sorted(time for time in dts if time is not None)
    for times in (known_pts, known_dts):
        if len(times) == len(pts) and (np.diff(times) > 0).all():
            return np.array(times, dtype=np.int64)
    return (np.arange(len(pts)) * nominal_ticks).round().astype(np.int64)
