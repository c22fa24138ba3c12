"""Which frames of a video to read. Pure arithmetic on presentation times; nothing here opens a file.

F: frames of the video, N: frames sampled.
"""

import numpy as np


DEFAULT_MAX_FRAMES = 768


def sample_frame_indices(
    frame_seconds: np.ndarray,
    *,
    num_frames: int | None = None,
    fps: float | None = None,
    max_frames: int = DEFAULT_MAX_FRAMES,
    duration_seconds: float | None = None,
) -> np.ndarray:
    """Indices (N,) of frames spread evenly in time, increasing and distinct, the first and the last frame among them.

    Args:
        frame_seconds: (F,) presentation times in seconds, sorted.
        num_frames: how many; N = min(num_frames, F).
        fps: how many per second instead; N = round(duration * fps), at least 1, at most `max_frames` and F.
        max_frames: the most frames ever taken. With neither `num_frames` nor `fps`, N = min(max_frames, F).
        duration_seconds: end of the last frame. By default the last frame is taken to last as long as the mean one.

    A single frame (N = 1) is the one nearest to the middle of the video.

    Raises:
        ValueError: no frames to choose from, `num_frames` together with `fps`, or a value out of range.
    """
    frame_seconds = np.asarray(frame_seconds, dtype=np.float64)
    if frame_seconds.ndim != 1 or len(frame_seconds) == 0:
        raise ValueError(f"frame_seconds must hold the times of at least one frame, got shape {frame_seconds.shape}.")
    check_sampling(num_frames=num_frames, fps=fps, max_frames=max_frames)
    if fps is not None:
        num_frames = round(_duration(frame_seconds, duration_seconds) * fps)
    elif num_frames is None:
        num_frames = max_frames
    return _spread_in_time(frame_seconds, min(max(num_frames, 1), max_frames, len(frame_seconds)))


def check_sampling(*, num_frames: int | None, fps: float | None, max_frames: int) -> None:
    """Refuse options that contradict each other or the range of numbers; the message names the values."""
    if num_frames is not None and fps is not None:
        raise ValueError(f"Give num_frames or fps, not both: got num_frames={num_frames} and fps={fps}.")
    if max_frames <= 0:
        raise ValueError(f"max_frames must be positive, got {max_frames}.")
    if num_frames is not None and num_frames <= 0:
        raise ValueError(f"num_frames must be positive, got {num_frames}.")
    if num_frames is not None and num_frames > max_frames:
        raise ValueError(f"num_frames={num_frames} is more than max_frames={max_frames}.")
    if fps is not None and not 0 < fps < float("inf"):
        raise ValueError(f"fps must be positive and finite, got {fps}.")


def nearest_indices(sorted_seconds: np.ndarray, seconds: np.ndarray) -> np.ndarray:
    """For each of `seconds`, the index of the nearest of `sorted_seconds` (F,); the earlier one on a tie."""
    right = np.searchsorted(sorted_seconds, seconds).clip(1, max(len(sorted_seconds) - 1, 1))
    left = right - 1
    right = right.clip(max=len(sorted_seconds) - 1)
    # Rounding must not decide a tie: equal distances differ in their last digits.
    nearer_right = np.abs(sorted_seconds[right] - seconds) + 1e-9 < np.abs(sorted_seconds[left] - seconds)
    return np.where(nearer_right, right, left)


def _duration(frame_seconds: np.ndarray, duration_seconds: float | None) -> float:
    if duration_seconds is not None:
        return duration_seconds
    num_gaps = max(len(frame_seconds) - 1, 1)
    return float(frame_seconds[-1] - frame_seconds[0]) * len(frame_seconds) / num_gaps


def _spread_in_time(frame_seconds: np.ndarray, count: int) -> np.ndarray:
    first, last = frame_seconds[0], frame_seconds[-1]
    targets = np.linspace(first, last, count) if count > 1 else np.array([(first + last) / 2])
    return _make_distinct(nearest_indices(frame_seconds, targets), len(frame_seconds))


def _make_distinct(indices: np.ndarray, total: int) -> np.ndarray:
    """Move non-decreasing `indices` (N,) apart until all are distinct: forward, then back to stay below `total`."""
    steps = np.arange(len(indices))
    forward = np.maximum.accumulate(indices - steps) + steps
    room = total - len(indices) + steps  # the largest index that leaves room for those that follow
    return np.minimum(forward, room)
