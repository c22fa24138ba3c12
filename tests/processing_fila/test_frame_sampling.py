"""Which frames are read: hand-computed tables, and properties that hold for all times."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from processing_fila.frame_sampling import nearest_indices, sample_frame_indices


STEADY = np.arange(10) / 10
BURST = np.append(np.arange(1000) / 100, 3600.0)
FROZEN = np.array([0, 0.1, 0.2, 0.3, 10])  # a screen recording that changes at first and then stays the same


@pytest.mark.parametrize(
    ("times", "options", "expected"),
    [
        (STEADY, {"num_frames": 10}, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]),
        (STEADY, {"num_frames": 4}, [0, 3, 6, 9]),
        (STEADY, {"num_frames": 2}, [0, 9]),
        (STEADY, {"num_frames": 1}, [4]),
        (STEADY, {"num_frames": 99}, list(range(10))),
        (STEADY, {}, list(range(10))),
        (STEADY, {"max_frames": 2}, [0, 9]),
        (STEADY, {"fps": 4}, [0, 3, 6, 9]),
        (STEADY, {"fps": 1000}, list(range(10))),
        (STEADY, {"fps": 1000, "max_frames": 4}, [0, 3, 6, 9]),
        (STEADY, {"fps": 0.1}, [4]),
        (STEADY, {"fps": 1, "duration_seconds": 4.0}, [0, 3, 6, 9]),
        # targets 0, 5 and 10 s: 5 s is nearer to 0.3 s than to 10 s
        (FROZEN, {"num_frames": 3}, [0, 3, 4]),
        # targets 0, 3.33, 6.67, 10 s: nearest are frames 0, 3, 4, 4. Frames 1 and 2 are 0.1 s from 0 and 3: the earlier
        (FROZEN, {"num_frames": 4}, [0, 1, 3, 4]),
        # 1,000 pictures in 10 s and then a still: 0, 999 and 1000 are nearest to the targets, the others halve gaps
        (BURST, {"num_frames": 8}, [0, 249, 374, 499, 624, 749, 999, 1000]),
        (BURST, {"num_frames": 3}, [0, 999, 1000]),
        # small irregularities move frames to their neighbors, as in ordinary recordings: targets 0, 1, 2, 3, 4 s
        (np.array([0, 0.1, 1.9, 2, 2.1, 4]), {"num_frames": 5}, [0, 1, 3, 4, 5]),
        (np.array([0.0, 0.0, 5.0, 9.0, 9.0]), {"num_frames": 3}, [0, 2, 4]),
        (FROZEN, {"num_frames": 5}, [0, 1, 2, 3, 4]),
        (np.array([0.0]), {"num_frames": 3}, [0]),
        (np.array([0.0]), {"fps": 2}, [0]),
    ],
)
def test_table(times, options, expected):
    assert sample_frame_indices(times, **options).tolist() == expected


@given(
    gaps=st.lists(st.floats(1e-3, 100), min_size=0, max_size=60),
    num_frames=st.integers(1, 80),
)
def test_distinct_increasing_complete(gaps, num_frames):
    times = np.concatenate([[0.0], np.cumsum(gaps)])
    indices = sample_frame_indices(times, num_frames=num_frames)
    assert len(indices) == min(num_frames, len(times))
    assert (np.diff(indices) > 0).all()
    assert 0 <= indices[0] and indices[-1] < len(times)
    if len(indices) > 1:
        assert indices[0] == 0 and indices[-1] == len(times) - 1


def spread_by_brute_force(times: list[int], count: int) -> list[int]:
    """The rule for uneven recordings, by its words and in whole numbers: twice (count - 1) times each distance."""
    steps, length = count - 1, times[-1] - times[0]
    targets = [times[0] * steps + place * length for place in range(count)]
    frames = range(len(times))
    nearest = [min(frames, key=lambda frame: (abs(times[frame] * steps - target), frame)) for target in targets]
    moved = list(nearest)
    for place in range(1, count):
        moved[place] = max(moved[place], moved[place - 1] + 1)
    for place in range(count):
        moved[place] = min(moved[place], len(times) - count + place)
    if all(abs(times[frame] * steps - target) <= length for frame, target in zip(moved, targets, strict=True)):
        return moved
    chosen = set(nearest)
    while len(chosen) < count:
        distances = [min(abs(times[frame] - times[other]) for other in chosen) for frame in frames]
        left = [frame for frame in frames if frame not in chosen]
        chosen.add(max(left, key=lambda frame: (distances[frame], -frame)))
    return sorted(chosen)


@given(
    gaps=st.lists(st.one_of(st.integers(1, 9), st.integers(1, 5000)), min_size=1, max_size=50),
    num_frames=st.integers(2, 30),
)
def test_against_brute_force(gaps, num_frames):
    milliseconds = [0, *np.cumsum(gaps).tolist()]
    count = min(num_frames, len(milliseconds))
    indices = sample_frame_indices(np.array(milliseconds) / 1000, num_frames=num_frames)
    assert indices.tolist() == spread_by_brute_force(milliseconds, count)


def test_bursts_of_a_long_recording():
    """A million frames, in 50 bursts with stills in between: every burst and its ends are seen."""
    bursts = np.arange(50)[:, None] * 1000.0 + np.arange(20_000) / 1000
    indices = sample_frame_indices(bursts.ravel(), num_frames=768)
    assert len(np.unique(indices)) == 768 and indices[0] == 0 and indices[-1] == 999_999
    numbers = np.bincount(indices // 20_000)
    assert numbers.min() >= 8


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"num_frames": 8, "fps": 2.0}, ["num_frames=8", "fps=2.0"]),
        ({"num_frames": 0}, ["num_frames", "0"]),
        ({"num_frames": -3}, ["num_frames", "-3"]),
        ({"num_frames": 9, "max_frames": 8}, ["num_frames=9", "max_frames=8"]),
        ({"max_frames": 0}, ["max_frames", "0"]),
        ({"fps": 0.0}, ["fps", "0.0"]),
        ({"fps": float("nan")}, ["fps", "nan"]),
        ({"fps": float("inf")}, ["fps", "inf"]),
    ],
)
def test_wrong_options_are_named_with_their_values(options, named):
    with pytest.raises(ValueError) as error:
        sample_frame_indices(STEADY, **options)
    assert all(part in str(error.value) for part in named)


def test_no_frames():
    with pytest.raises(ValueError, match=r"\(0,\)"):
        sample_frame_indices(np.array([]), num_frames=3)


@pytest.mark.parametrize(
    ("seconds", "expected"), [(-1, 0), (0.04, 0), (0.05, 0), (0.06, 1), (0.25, 2), (9, 4), (99, 4)]
)
def test_nearest(seconds, expected):
    assert nearest_indices(FROZEN, np.array([seconds])).tolist() == [expected]


def test_nearest_of_one():
    assert nearest_indices(np.array([3.0]), np.array([0.0, 3.0, 9.0])).tolist() == [0, 0, 0]
