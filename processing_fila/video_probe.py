"""The first look at a video: which frames it has, and how they are to be shown."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import numpy as np

from .video_decoder import CountingDecoder, Decoder, open_counting_decoder
from .video_errors import VideoReadError
from .video_index import FrameIndex, guess_end, index_packets, plan_segments
from .video_packets import PacketReader, video_stream
from .video_picture import Geometry, frame_geometry
from .video_source import VideoSource


def probe(source: VideoSource) -> tuple[FrameIndex, Geometry]:
    """List the frames of a video and look at the first one that can be decoded.

    Raises:
        VideoReadError: no video, or not one frame of it can be decoded.
    """
    if source.is_webp:
        return _probe_by_decoding(source)
    # Both at a time, but a remote file is better read from its start to its end. That they run in threads keeps memory
    # low: what glibc's malloc holds back when a thread has ended, it gives to the next that starts, a decoder's.
    with ThreadPoolExecutor(max_workers=1 if source.is_remote else 2) as beside:
        listing, look = beside.submit(_list_packets, source), beside.submit(_look_at_start, source)
        index = listing.result()
        geometry = look.result()
    if index is not None:
        geometry = geometry or _first_geometry(source, index)
        if geometry is not None:
            return index, geometry
    return _probe_by_decoding(source)


def _list_packets(source: VideoSource) -> FrameIndex | None:
    with source.open() as container:
        return index_packets(container, video_stream(container, source.name))


def _look_at_start(source: VideoSource) -> Geometry | None:
    """Geometry of the first packet's picture, which does for nearly all files."""
    with closing(CountingDecoder(source, num_threads=1)) as decoder:
        frame = decoder.picture_of_first_packet()
        return None if frame is None else frame_geometry(frame, decoder.sample_aspect_ratio)


def _first_geometry(source: VideoSource, index: FrameIndex) -> Geometry | None:
    """Geometry of the first frame found where the index says; None where the index finds none."""
    with closing(PacketReader(source, index.keys)) as packets:
        decoder = Decoder(source, index, packets, num_threads=1)
        for group in range(len(index.group_frames)):
            (segment,) = plan_segments(index, index.frames_of_group(group))
            for _, frame in decoder.frames(segment):
                return frame_geometry(frame, decoder.sample_aspect_ratio)
    return None


def _probe_by_decoding(source: VideoSource) -> tuple[FrameIndex, Geometry]:
    """Decode the whole video to learn its frames where packets do not tell: raw streams, some AVI and TS, WebP."""
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
    """Presentation times (F,) of decoded frames: their own; else the times of decoding, which are the same ones in
    another order (AVI); else, in a raw stream without times, its nominal rate."""
    for times in (pts, sorted(dts) if None not in dts else dts):
        if None not in times and (np.diff(times) > 0).all():
            return np.array(times, dtype=np.int64)
    return (np.arange(len(pts)) * nominal_ticks).round().astype(np.int64)
