"""Which frames are read: hand-computed tables, and properties that hold for all times."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from processing_fila.frame_sampling import nearest_indices, sample_frame_indices


STEADY = np.arange(10) / 10
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
        # targets 0, 3.33, 6.67, 10 s: the second and third want frames 3 and 4, the last has 4: they move back
        (FROZEN, {"num_frames": 4}, [0, 2, 3, 4]),
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
