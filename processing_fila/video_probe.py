"""The first look at a video: which frames it has, and how they are to be shown."""

from contextlib import closing

import numpy as np

from .video_decoder import open_decoder, video_stream
from .video_errors import VideoReadError
from .video_index import FrameIndex, guess_end, index_packets, plan_segments
from .video_picture import Geometry, frame_geometry
from .video_source import VideoSource


def probe(source: VideoSource) -> tuple[FrameIndex, Geometry]:
    """List the frames of a video and look at the first one that can be decoded.

    Raises:
        VideoReadError: no video, or not one frame of it can be decoded.
    """
    if source.is_webp:
        return _probe_by_decoding(source)
    with source.open() as container:
        index = index_packets(container, video_stream(container, source.name))
    geometry = index and _first_geometry(source, index)
    if geometry is not None:
        return index, geometry
    return _probe_by_decoding(source)


def _first_geometry(source: VideoSource, index: FrameIndex) -> Geometry | None:
    """Geometry of the first frame found where the index says; None where the index finds none."""
    with closing(open_decoder(source, index, num_threads=1)) as decoder:
        for start in np.unique(index.frame_starts):
            (segment,) = plan_segments(index, np.flatnonzero(index.frame_starts == start))
            for _, frame in decoder.frames(segment):
                return frame_geometry(frame, decoder.sample_aspect_ratio)
    return None


def _probe_by_decoding(source: VideoSource) -> tuple[FrameIndex, Geometry]:
    """Decode the whole video to learn its frames where packets do not tell: raw streams, some AVI and TS, WebP."""
    geometry, pts, dts = None, [], []
    with closing(open_decoder(source, None, num_threads=1)) as decoder:
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
