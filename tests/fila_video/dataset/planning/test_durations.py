"""Target durations come from the stated distribution."""

import math
import random

import pytest

from fila_video.dataset.planning.durations import DurationDistribution


@pytest.mark.parametrize(
    "distribution, mean",
    [
        (DurationDistribution(), 666.9),
        (DurationDistribution("uniform"), 1050),
        (DurationDistribution(mean_seconds=900), 900),
    ],
)
def test_durations_stay_in_the_range_and_have_the_stated_mean(distribution, mean):
    generator = random.Random(1)
    drawn = [distribution.draw(generator) for _ in range(20_000)]
    assert min(drawn) >= 300 and max(drawn) <= 1800
    assert sum(drawn) / len(drawn) == pytest.approx(mean, abs=10)  # the standard error is about 3


def test_the_exponential_distribution_is_truncated_not_clipped():
    """The median of an exponential distribution with scale 400, truncated to [0, 1500], computed by hand.

    The share below t is (1 - exp(-t / s)) / (1 - exp(-1500 / s)). For s = 400 the mean is
    400 - 1500 / (exp(3.75) - 1) = 363.88, and half of the values lie below 400 ln(2 / (1 + exp(-3.75))).
    """
    distribution = DurationDistribution(mean_seconds=300 + 400 - 1500 / math.expm1(3.75))
    generator = random.Random(2)
    drawn = sorted(distribution.draw(generator) for _ in range(20_001))
    assert drawn[10_000] - 300 == pytest.approx(400 * math.log(2 / (1 + math.exp(-3.75))), abs=12)


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"name": "normal"}, "'normal' is unknown"),
        ({"min_seconds": 0}, "0 to 1800.0 s is not a range of durations"),
        ({"min_seconds": 600, "max_seconds": 300}, "600 to 300 s is not a range"),
        ({"mean_seconds": 1050}, "mean_seconds=1050 must lie between min_seconds=300.0 and 1050.0"),
    ],
)
def test_a_distribution_that_cannot_be_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        DurationDistribution(**arguments)
