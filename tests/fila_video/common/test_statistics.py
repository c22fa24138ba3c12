"""Intervals agree with published values, and with a second computation."""

import numpy as np
import pytest

from fila_video.common.statistics import (
    bootstrap_ratio_interval,
    mean_and_reach,
    newcombe_interval,
    wilson_interval,
)


@pytest.mark.parametrize(
    ("correct", "asked", "low", "high"),
    # Newcombe (1998), Statistics in Medicine 17: 857-872, table I, method 3.
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_intervals_are_those_published(correct, asked, low, high):
    assert wilson_interval(correct, asked) == pytest.approx((low, high), abs=5e-5)


def test_none_and_all_lie_within_their_intervals():
    assert all(wilson_interval(0, asked)[0] == 0 and wilson_interval(asked, asked)[1] == 1 for asked in range(1, 300))


@pytest.mark.parametrize(("correct", "asked"), [(0, 0), (3, 2), (-1, 2)])
def test_a_share_that_cannot_be_is_refused(correct, asked):
    with pytest.raises(ValueError, match=f"{correct} correct of {asked}"):
        wilson_interval(correct, asked)


@pytest.mark.parametrize(
    ("one", "other", "interval"),
    [
        # Newcombe (1998), Statistics in Medicine 17: 873-890, table II, method 10.
        ((56, 70), (48, 80), (0.0524, 0.3339)),
        ((9, 10), (3, 10), (0.1705, 0.8090)),
        ((10, 10), (0, 10), (0.6075, 1.0)),
    ],
)
def test_newcombe_intervals_are_those_published(one, other, interval):
    assert newcombe_interval(*one, *other) == pytest.approx(interval, abs=5e-5)
    low, high = interval
    assert newcombe_interval(*other, *one) == pytest.approx((-high, -low), abs=5e-5)


def test_the_mean_has_students_interval():
    """Student (1908): hours of additional sleep with the second drug, compared with the first, of ten patients.

    R's documentation of its data set `sleep` gives the interval 0.7001142 to 2.4598858.
    """
    mean, reach = mean_and_reach([1.2, 2.4, 1.3, 1.3, 0.0, 1.0, 1.8, 0.8, 4.6, 1.4])
    assert mean == pytest.approx(1.58)
    assert (mean - reach, mean + reach) == pytest.approx((0.7001142, 2.4598858), abs=5e-8)


def test_three_values_by_hand():
    """1, 2 and 3 have the mean 2 and the standard deviation 1; t is 4.303 with two degrees of freedom."""
    assert mean_and_reach([1.0, 2.0, 3.0]) == pytest.approx((2.0, 4.303 / 3**0.5), abs=5e-4)


@pytest.mark.parametrize("values", [[], [0.5]])
def test_a_mean_of_fewer_than_two_values_has_no_interval(values):
    with pytest.raises(ValueError, match=f"at least 2 values, got {len(values)}"):
        mean_and_reach(values)


def test_the_bootstrap_agrees_with_numpy():
    """40 videos with 3 to 12 questions. NumPy draws videos with replacement, with a generator of its own."""
    generator = np.random.default_rng(5)
    asked = generator.integers(3, 13, size=40)
    right = generator.binomial(asked, 0.7)
    drawn = generator.integers(0, 40, size=(200_000, 40))
    ratios = right[drawn].sum(axis=1) / asked[drawn].sum(axis=1)
    expected = np.percentile(ratios, [2.5, 97.5])
    # With 5000 draws, the standard error of such a bound is about 0.001.
    assert bootstrap_ratio_interval(right, asked) == pytest.approx(expected, abs=0.005)


def test_the_bootstrap_is_the_same_on_every_call():
    right, asked = np.array([1, 3, 0, 2, 4]), np.array([4, 4, 2, 5, 4])
    assert bootstrap_ratio_interval(right, asked) == bootstrap_ratio_interval(right, asked)


def test_groups_that_are_all_alike_leave_no_doubt():
    assert bootstrap_ratio_interval(np.full(8, 3), np.full(8, 4)) == (0.75, 0.75)
    assert bootstrap_ratio_interval(np.array([3]), np.array([4])) == (0.75, 0.75)
