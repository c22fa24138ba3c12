"""The distribution that the target durations of long videos are drawn from (section 3.3: 5 to 30 minutes).

The duration that a joined video really has is measured in `joining/join_long_video.py`.
"""

import math
import random
from dataclasses import dataclass


# The paper's average (supplementary Table 1).
PAPER_MEAN_SECONDS = 666.9
DISTRIBUTIONS = ("exponential", "uniform")


@dataclass(frozen=True)
class DurationDistribution:
    """Target durations in seconds.

    The paper gives the range and the average, but not the shape. A uniform distribution over 5 to 30 minutes would
    average 1050 s. The default is therefore an exponential distribution, truncated to the range, whose mean is the
    paper's 666.9 s.

    Args:
        name: "exponential" (truncated to the range) or "uniform".
        min_seconds: Shortest duration.
        max_seconds: Longest duration.
        mean_seconds: Mean of the truncated exponential distribution. It must lie below the middle of the range.
            "uniform" ignores it.

    Raises:
        ValueError: If the name is unknown, the range is empty, or the mean is impossible.
    """

    name: str = "exponential"
    min_seconds: float = 300.0
    max_seconds: float = 1800.0
    mean_seconds: float = PAPER_MEAN_SECONDS

    def __post_init__(self) -> None:
        if self.name not in DISTRIBUTIONS:
            raise ValueError(f"The distribution {self.name!r} is unknown; choose one of {DISTRIBUTIONS}.")
        if not 0 < self.min_seconds < self.max_seconds:
            raise ValueError(f"{self.min_seconds} to {self.max_seconds} s is not a range of durations above 0.")
        middle = (self.min_seconds + self.max_seconds) / 2
        if self.name == "exponential" and not self.min_seconds < self.mean_seconds < middle:
            raise ValueError(
                f"mean_seconds={self.mean_seconds} must lie between min_seconds={self.min_seconds} and {middle}, "
                "the middle of the range."
            )

    def draw(self, generator: random.Random) -> float:
        """Draws a target duration, in seconds."""
        place, span = generator.random(), self.max_seconds - self.min_seconds
        if self.name == "uniform":
            return self.min_seconds + place * span
        scale = _scale_of_mean(self.mean_seconds - self.min_seconds, span)
        return self.min_seconds - scale * math.log1p(-place * -math.expm1(-span / scale))


def _scale_of_mean(mean: float, span: float) -> float:
    """Finds by bisection the scale of the exponential distribution, truncated to [0, span], that has this mean.

    The mean of scale s is s - span / (exp(span / s) - 1).
    """
    low, high = span / 500, span * 1e6
    for _ in range(200):
        scale = math.sqrt(low * high)
        if scale - span / math.expm1(span / scale) < mean:
            low = scale
        else:
            high = scale
    return scale
