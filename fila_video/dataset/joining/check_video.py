"""Opens a finished long video like any reader, and compares it with what its annotation says."""

import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from processing_fila.frame_sampling import nearest_indices
from processing_fila.reader import VideoDamageWarning, VideoReader, VideoReadError


# Two ticks of an mp4 file's clock: enough for rounding to its units, and no more.
TOLERANCE_SECONDS = 2 / 90000
SMALL = (32, 32)


class ScenePlaceError(ValueError):
    """A scene is not where it should be.

    Args:
        place: Number of the scene, counted from 0; None if the video as a whole is wrong.
        reason: What is wrong.
    """

    def __init__(self, place: int | None, reason: str):
        super().__init__(reason)
        self.place = place


def check_video(path: Path, starts: Sequence[float], seconds: float) -> None:
    """Checks that a long video has the stated length, and that its scenes start at the stated times.

    Args:
        path: The long video.
        starts: Stated start of each scene, in seconds. At each of them there must be a key frame that can be decoded.
        seconds: Stated length of the video. It may differ by the length of a frame.

    Raises:
        ScenePlaceError: If the video differs from what is stated.
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
    """Raises `ScenePlaceError` unless the video lasts `seconds`, to within the length of a frame."""
    if abs(reader.duration_seconds - seconds) > frame_length(reader):
        raise ScenePlaceError(None, f"lasts {reader.duration_seconds:.3f} s, not {seconds:.3f} s")


def check_boundaries(reader: VideoReader, starts: Sequence[float], tolerance_seconds: float) -> np.ndarray:
    """Finds the frame nearest to the start of each scene.

    Args:
        reader: The long video.
        starts: Stated start of each scene, in seconds.
        tolerance_seconds: Largest allowed distance between a start and the nearest frame.

    Returns:
        The frame indices, of shape (scenes,).

    Raises:
        ScenePlaceError: If no frame is near enough.
    """
    times = reader.frame_seconds
    indices = nearest_indices(times, np.asarray(starts, dtype=np.float64))
    gaps = np.abs(times[indices] - starts)
    if gaps.max() > tolerance_seconds:
        place = int(gaps.argmax())
        raise ScenePlaceError(place, f"scene {place} starts {gaps[place]:.3f} s away from the nearest frame")
    return indices


def check_decodable(reader: VideoReader, indices: np.ndarray) -> None:
    """Raises `ScenePlaceError` unless each of these frames can be found by seeking and decoded without damage."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", VideoDamageWarning)  # reported below, with the number of the scene
        found = [seconds for _, seconds in reader.frames_at(indices, size=SMALL)]
    for place, seconds in enumerate(reader.frame_seconds[indices]):
        if seconds not in found:
            raise ScenePlaceError(place, f"the first frame of scene {place} cannot be decoded")


def frame_length(reader: VideoReader) -> float:
    """Returns the median length of a frame, in seconds."""
    gaps = np.diff(reader.frame_seconds)
    return float(np.median(gaps)) if len(gaps) else reader.duration_seconds
