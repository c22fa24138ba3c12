"""Animated WebP, decoded by Pillow: FFmpeg knows its pictures but not its animations."""

from collections.abc import Iterator
from fractions import Fraction

import numpy as np

from .video_index import Segment
from .video_source import VideoSource, av


class AnimationDecoder:
    """The counterpart of CountingDecoder for an image of several pictures. They can only be found by counting."""

    time_base = Fraction(1, 1000)
    sample_aspect_ratio = None
    nominal_ticks = 0.0

    def __init__(self, source: VideoSource):
        self._image = source.open_image()
        self._num_pictures = getattr(self._image, "n_frames", 1)
        self._is_stopped = False

    def stop(self) -> None:
        self._is_stopped = True

    def close(self) -> None:
        self._image.close()

    def frames(self, segment: Segment) -> Iterator[tuple[int, "av.VideoFrame"]]:
        for place in segment.frames.tolist():
            if self._is_stopped:
                return
            yield place, self._picture(place)

    def all_frames(self) -> Iterator["av.VideoFrame"]:
        for place in range(self._num_pictures):
            try:
                yield self._picture(place)
            except (OSError, EOFError, SyntaxError):  # Pillow's words for a damaged picture; those after it need it
                return

    def _picture(self, place: int) -> "av.VideoFrame":
        self._image.seek(place)
        frame = av.VideoFrame.from_ndarray(np.asarray(self._image.convert("RGBA")), format="rgba")
        frame.pts = self._image.info.get("timestamp", 0)
        frame.duration = self._image.info.get("duration", 0)
        return frame
