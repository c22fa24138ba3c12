"""Ground truth as mp4 files."""

from pathlib import Path

import av

from .drawing import SIDE, draw_frame
from .world import FRAMES_PER_SECOND, Video


# One thread, and no mbtree, whose vector code in x264 reads memory that nothing has set: the same bytes each time.
OPTIONS = {"preset": "veryfast", "crf": "20", "threads": "1", "x264-params": "mbtree=0"}


def render_video(video: Video, path: str | Path) -> None:
    """Writes H.264 in MP4, `FRAMES_PER_SECOND` frames a second; the same video is the same file.

    Raises:
        OSError: the file cannot be written.
    """
    with open(path, "wb") as file, av.open(file, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=FRAMES_PER_SECOND, options=OPTIONS)
        stream.width, stream.height, stream.pix_fmt = SIDE, SIDE, "yuv420p"
        for number in range(num_frames(video)):
            picture = draw_frame(video, number / FRAMES_PER_SECOND)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())


def num_frames(video: Video) -> int:
    return round(video.duration_seconds * FRAMES_PER_SECOND)
