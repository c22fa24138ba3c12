"""Writes a drawn video as an MP4 file."""

from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av

from .draw_frame import SIDE, draw_frame
from .ground_truth import FRAMES_PER_SECOND, Video


# These options give the same bytes on every run. Several threads would not, and neither would mbtree: its vector code
# in x264 reads uninitialized memory.
OPTIONS = {"preset": "veryfast", "crf": "20", "threads": "1", "x264-params": "mbtree=0"}
# MP4 stores the durations of frames in decoding order. They are only right if that is the order of presentation, so
# there must be no B-frames.
UNEVEN_OPTIONS = {**OPTIONS, "bf": "0"}


def render_video(video: Video, path: str | Path) -> None:
    """
    Writes H.264 in MP4, with every frame at its time. The same video always gives the same file.

    Raises:
        OSError: If the file cannot be written.
    """
    with open(path, "wb") as file, av.open(file, "w", format="mp4") as container:
        options = OPTIONS if video.frame_seconds is None else UNEVEN_OPTIONS
        stream = container.add_stream("libx264", rate=FRAMES_PER_SECOND, options=options)
        stream.width, stream.height, stream.pix_fmt = SIDE, SIDE, "yuv420p"
        numbers = [*frame_numbers(video), round(video.duration_seconds * FRAMES_PER_SECOND)]
        # Without these durations, the last frame would get the duration of the frame before it.
        durations = {number: following - number for number, following in pairwise(numbers)}
        for number in [*durations, None]:
            for packet in stream.encode(None if number is None else _frame(video, number)):
                assert packet.pts is not None
                packet.duration = durations[packet.pts]
                container.mux(packet)


def frame_numbers(video: Video) -> list[int]:
    """The times of a video's frames, in units of 1 / `FRAMES_PER_SECOND`."""
    if video.frame_seconds is None:
        return list(range(round(video.duration_seconds * FRAMES_PER_SECOND)))
    return [round(seconds * FRAMES_PER_SECOND) for seconds in video.frame_seconds]


def _frame(video: Video, number: int) -> av.VideoFrame:
    frame = av.VideoFrame.from_ndarray(draw_frame(video, number / FRAMES_PER_SECOND), format="rgb24")
    frame.pts, frame.time_base = number, Fraction(1, FRAMES_PER_SECOND)
    return frame
