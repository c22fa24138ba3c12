"""Opening a long video again, as a reader who knows nothing of how it was made, and comparing it with its claims."""

import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from processing_fila.frame_sampling import nearest_indices
from processing_fila.video_reader import VideoDamageWarning, VideoReader, VideoReadError


# Two ticks of an mp4's clock: rounding to its units, nothing more.
TOLERANCE_SECONDS = 2 / 90000
SMALL = (32, 32)


class ScenePlaceError(ValueError):
    """Scene `place` (None: the video as a whole) is not where it should be; the message says how."""

    def __init__(self, place: int | None, reason: str):
        super().__init__(reason)
        self.place = place


def check_video(path: Path, starts: Sequence[float], seconds: float) -> None:
    """
    Args:
        path: a long video.
        starts: where each scene is said to start, in seconds; each must be the time of a key frame that can be decoded.
        seconds: how long the video is said to last; it may differ by a frame.

    Raises:
        ScenePlaceError: something is not as it is said to be.
    """
    try:
        with VideoReader(path, num_decoders=1) as reader:
            check_length(reader, seconds)
            indices = check_boundaries(reader, starts, TOLERANCE_SECONDS)
            is_key = np.isin(indices, reader.key_frame_indices)
            if not is_key.all():
                place = int(np.argmin(is_key))
                raise ScenePlaceError(place, f"scene {place} does not start with a key frame")
            check_decodable(reader, indices)
    except VideoReadError as error:
        raise ScenePlaceError(None, str(error)) from error


def check_length(reader: VideoReader, seconds: float) -> None:
    """Raises ScenePlaceError unless the video lasts `seconds`, give or take a frame."""
    if abs(reader.duration_seconds - seconds) > frame_length(reader):
        raise ScenePlaceError(None, f"lasts {reader.duration_seconds:.3f} s, not {seconds:.3f} s")


def check_boundaries(reader: VideoReader, starts: Sequence[float], tolerance_seconds: float) -> np.ndarray:
    """The frames nearest to `starts`, their indices; raises ScenePlaceError where none is near enough."""
    times = reader.frame_seconds
    indices = nearest_indices(times, np.asarray(starts, dtype=np.float64))
    gaps = np.abs(times[indices] - starts)
    if gaps.max() > tolerance_seconds:
        place = int(gaps.argmax())
        raise ScenePlaceError(place, f"scene {place} starts {gaps[place]:.3f} s away from the nearest frame")
    return indices


def check_decodable(reader: VideoReader, indices: np.ndarray) -> None:
    """Raises ScenePlaceError unless each of these frames can be sought and decoded undamaged."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", VideoDamageWarning)  # said below, with the scene
        found = [seconds for _, seconds in reader.frames_at(indices, size=SMALL)]
    for place, seconds in enumerate(reader.frame_seconds[indices]):
        if seconds not in found:
            raise ScenePlaceError(place, f"the first frame of scene {place} cannot be decoded")


def frame_length(reader: VideoReader) -> float:
    """How long the middle one of all frames lasts, in seconds."""
    gaps = np.diff(reader.frame_seconds)
    return float(np.median(gaps)) if len(gaps) else reader.duration_seconds
