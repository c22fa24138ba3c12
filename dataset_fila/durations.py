"""How long a long video is to be: what target durations are drawn from (section 3.3: 5 to 30 minutes)."""

import math
import random
from dataclasses import dataclass


# The paper's average (supplementary Table 1).
PAPER_MEAN_SECONDS = 666.9
DISTRIBUTIONS = ("exponential", "uniform")


@dataclass(frozen=True)
class DurationDistribution:
    """Target durations in seconds.

    The paper gives the range and the average, not the shape. An even distribution over 5 to 30 minutes would average
    1050 s, so the default is an exponential cut to the range whose mean is the paper's 666.9 s.

    Args:
        name: "exponential", cut to the range, or "uniform".
        min_seconds, max_seconds: the range.
        mean_seconds: of the cut exponential; below the middle of the range. Not used by "uniform".
    """

    name: str = "exponential"
    min_seconds: float = 300.0
    max_seconds: float = 1800.0
    mean_seconds: float = PAPER_MEAN_SECONDS

    def __post_init__(self) -> None:
        if self.name not in DISTRIBUTIONS:
            raise ValueError(f"The distribution {self.name!r} is unknown; choose one of {DISTRIBUTIONS}.")
        if not 0 < self.min_seconds < self.max_seconds:
            raise ValueError(f"Durations from {self.min_seconds} to {self.max_seconds} s are no range above 0.")
        middle = (self.min_seconds + self.max_seconds) / 2
        if self.name == "exponential" and not self.min_seconds < self.mean_seconds < middle:
            raise ValueError(
                f"mean_seconds={self.mean_seconds} must lie between min_seconds={self.min_seconds} and {middle}, "
                "the middle of the range."
            )

    def draw(self, generator: random.Random) -> float:
        """A target duration, in seconds."""
        place, span = generator.random(), self.max_seconds - self.min_seconds
        if self.name == "uniform":
            return self.min_seconds + place * span
        scale = _scale_of_mean(self.mean_seconds - self.min_seconds, span)
        return self.min_seconds - scale * math.log1p(-place * -math.expm1(-span / scale))


def _scale_of_mean(mean: float, span: float) -> float:
    """Scale s of the exponential on [0, span] with this mean, which is s - span / (exp(span / s) - 1): by bisection."""
    low, high = span / 500, span * 1e6
    for _ in range(200):
        scale = math.sqrt(low * high)
        if scale - span / math.expm1(span / scale) < mean:
            low = scale
        else:
            high = scale
    return scale
