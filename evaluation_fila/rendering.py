"""Ground truth as mp4 files."""

from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av

from .drawing import SIDE, draw_frame
from .world import FRAMES_PER_SECOND, Video


# One thread, and no mbtree, whose vector code in x264 reads memory that nothing has set: the same bytes each time.
OPTIONS = {"preset": "veryfast", "crf": "20", "threads": "1", "x264-params": "mbtree=0"}
# MP4 keeps in decoding order how long frames last; without frames that are decoded out of turn that is right.
UNEVEN_OPTIONS = {**OPTIONS, "bf": "0"}


def render_video(video: Video, path: str | Path) -> None:
    """Writes H.264 in MP4, with the video's frames at their times; the same video is the same file.

    Raises:
        OSError: the file cannot be written.
    """
    with open(path, "wb") as file, av.open(file, "w", format="mp4") as container:
        options = OPTIONS if video.frame_seconds is None else UNEVEN_OPTIONS
        stream = container.add_stream("libx264", rate=FRAMES_PER_SECOND, options=options)
        stream.width, stream.height, stream.pix_fmt = SIDE, SIDE, "yuv420p"
        numbers = [*frame_numbers(video), round(video.duration_seconds * FRAMES_PER_SECOND)]
        # Otherwise the last frame would last as long as the one before it.
        lasting = {number: following - number for number, following in pairwise(numbers)}
        for number in [*lasting, None]:
            for packet in stream.encode(None if number is None else _frame(video, number)):
                packet.duration = lasting[packet.pts]
                container.mux(packet)


def _frame(video: Video, number: int) -> av.VideoFrame:
    frame = av.VideoFrame.from_ndarray(draw_frame(video, number / FRAMES_PER_SECOND), format="rgb24")
    frame.pts, frame.time_base = number, Fraction(1, FRAMES_PER_SECOND)
    return frame


def frame_numbers(video: Video) -> list[int]:
    """When its frames are shown, in units of 1 / `FRAMES_PER_SECOND`."""
    if video.frame_seconds is None:
        return list(range(round(video.duration_seconds * FRAMES_PER_SECOND)))
    return [round(seconds * FRAMES_PER_SECOND) for seconds in video.frame_seconds]
