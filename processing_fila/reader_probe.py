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

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import numpy as np

from .reader_container import VideoContainer
from .reader_counting import open_counting_decoder
from .reader_decoder import open_decoders
from .reader_errors import IndexContradictedError, VideoReadError
from .reader_index import FrameIndex, guess_end, plan_segments
from .reader_listing import Listing, decodes_as_listed, list_packets
from .reader_picture import Geometry, frame_geometry
from .reader_source import VideoSource, av, named_errors
from .reader_tables import check_tables
from .reader_times import mend_times


def probe(source: VideoSource) -> tuple[FrameIndex, Geometry]:
    """Finds out which frames a video has and how they are shown.

    1. The packets are listed, which needs no decoding. At the same time, the first packet is decoded for its geometry.
    2. If the first packet gives no picture, the geometry is that of the first frame that can be decoded.
    3. If packets do not identify the frames (raw streams, joined recordings, WebP, ...; see `reader_listing`), the
       whole video is decoded.

    Raises:
        VideoReadError: If there is no video stream, no frame can be decoded, or a limit is passed.
    """
    with named_errors(source), source.guard.working():
        check_tables(source)
        index, geometry = _probe(source)
        source.guard.check_picture(geometry.height, geometry.width)
        return index, geometry


def _probe(source: VideoSource) -> tuple[FrameIndex, Geometry]:
    if source.is_webp:
        return _decode_everything(source, Listing())
    listing, geometry = _list_packets_and_decode_first(source)
    if listing.index is None or (listing.is_doubtful and not decodes_as_listed(source)):
        return _decode_everything(source, listing)
    try:
        geometry = geometry or _first_geometry(source, listing.index)
    except IndexContradictedError:
        geometry = None
    return (listing.index, geometry) if geometry is not None else _decode_everything(source, listing)


def count_frames(source: VideoSource) -> FrameIndex:
    """Makes an index by decoding the whole video, after decoding has contradicted the one made from its packets.

    Raises:
        VideoReadError: If no frame can be decoded.
    """
    with named_errors(source), source.guard.working():
        return _decode_everything(source, list_packets(source))[0]


def _list_packets_and_decode_first(source: VideoSource) -> tuple[Listing, Geometry | None]:
    """Does both at the same time, except for a remote file, which is better read from start to end.

    Threads also keep memory low: what glibc's malloc holds back when a thread ends is reused by the next thread, which
    is a decoder's.
    """
    with ThreadPoolExecutor(max_workers=1 if source.is_remote else 2) as pool:
        listing, first = pool.submit(list_packets, source), pool.submit(_geometry_of_first_packet, source)
        return listing.result(), first.result()


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


def _decode_everything(source: VideoSource, listing: Listing) -> tuple[FrameIndex, Geometry]:
    """Decodes the whole video to learn its frames."""
    geometry: Geometry | None = None
    pts: list[int | None] = []
    dts: list[int | None] = []
    key_frames: list[int] = []
    with closing(open_counting_decoder(source, num_threads=1)) as decoder:
        for frame in decoder.all_frames(listing.offsets):
            geometry = geometry or frame_geometry(frame, decoder.sample_aspect_ratio)
            if frame.key_frame:
                key_frames.append(len(pts))
            pts.append(frame.pts)
            dts.append(frame.dts)
        if geometry is None:
            raise VideoReadError(f"{source.name}: not one frame could be decoded.")
        if listing.has_decoding_times_only:
            pts = [None] * len(pts)
        frame_pts = _shown_times(pts, dts, decoder.nominal_ticks, are_decoding_times=listing.rises)
        index = FrameIndex(
            frame_pts=frame_pts,
            end_pts=guess_end(frame_pts, decoder.nominal_ticks, last_ticks=frame.duration),
            time_base=decoder.time_base,
            key_frames=np.array(key_frames or [0], dtype=np.int64),
            num_damaged=decoder.num_damaged,
            num_promised=listing.num_promised,
            is_cut=listing.is_cut,
        )
        return index, geometry


def _shown_times(
    pts: list[int | None], dts: list[int | None], nominal_ticks: float, *, are_decoding_times: bool
) -> np.ndarray:
    """Returns the presentation times of decoded frames, `(frames,)` int64.

    These are the presentation times of the frames, of which single ones that are missing or wrong are mended. Files
    that have only decoding times (AVI, and files of a writer that took them for presentation times) have the same
    numbers in another order. For a raw stream without times, they follow from the nominal frame rate.
    """
    known_pts = [time for time in pts if time is not None]
    known_dts = sorted(time for time in dts if time is not None)
    if len(known_pts) == len(pts) and are_decoding_times:
        pts = [*sorted(known_pts)]
    if 2 * len(known_pts) > len(pts):
        return mend_times(pts)
    if len(known_dts) == len(dts) and (np.diff(known_dts) > 0).all():
        return np.array(known_dts, dtype=np.int64)
    return (np.arange(len(pts)) * nominal_ticks).round().astype(np.int64)
