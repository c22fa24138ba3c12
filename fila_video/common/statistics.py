"""Confidence intervals of shares, means and ratios, on scipy and statsmodels. All are two-sided, at 95 %.

Each function imports what it needs: the two libraries take more than a second, and many programs only read scores.
"""

from collections.abc import Sequence

import numpy as np


CONFIDENCE = 0.95
BOOTSTRAP_DRAWS = 5000


def wilson_interval(num_correct: int, num_asked: int) -> tuple[float, float]:
    """Computes the score interval of a share (Wilson 1927).

    Args:
        num_correct: Number of correct answers.
        num_asked: Number of questions.

    Returns:
        The lower and the upper bound of the share, each between 0 and 1.

    Raises:
        ValueError: If there are no questions, or if there are more correct answers than questions.
    """
    from statsmodels.stats.proportion import proportion_confint

    if num_asked < 1 or not 0 <= num_correct <= num_asked:
        raise ValueError(f"{num_correct} correct of {num_asked} asked is not a share.")
    low, high = proportion_confint(num_correct, num_asked, alpha=1 - CONFIDENCE, method="wilson")
    # The bounds of "none" and "all" are exactly 0 and 1; rounding errors would miss them slightly.
    return float(low) if num_correct else 0.0, float(high) if num_correct < num_asked else 1.0


def newcombe_interval(correct: int, asked: int, other_correct: int, other_asked: int) -> tuple[float, float]:
    """Computes the interval of the difference of two independent shares (Newcombe 1998, method 10).

    Args:
        correct: Number of correct answers in the first group.
        asked: Number of questions in the first group.
        other_correct: Number of correct answers in the second group.
        other_asked: Number of questions in the second group.

    Returns:
        The lower and the upper bound of the first share minus the second.
    """
    from statsmodels.stats.proportion import confint_proportions_2indep

    low, high = confint_proportions_2indep(
        correct, asked, other_correct, other_asked, compare="diff", method="newcomb", alpha=1 - CONFIDENCE
    )
    return float(low), float(high)


def mcnemar_p_value(only_first: int, only_second: int) -> float:
    """Computes the two-sided p-value of McNemar's exact test of two answers to the same questions.

    Args:
        only_first: Number of questions that only the first one answers correctly.
        only_second: Number of questions that only the second one answers correctly.
    """
    from statsmodels.stats.contingency_tables import mcnemar

    return float(mcnemar([[0, only_first], [only_second, 0]], exact=True).pvalue)


def mean_and_reach(values: Sequence[float]) -> tuple[float, float]:
    """Computes a mean and its interval (Student's t), which is `mean - reach` to `mean + reach`.

    Args:
        values: At least two values.

    Returns:
        The mean, and half the width of its interval.

    Raises:
        ValueError: If there are fewer than two values.
    """
    from scipy import stats

    if len(values) < 2:
        raise ValueError(f"An interval needs at least 2 values, got {len(values)}.")
    reach = stats.t.ppf((1 + CONFIDENCE) / 2, df=len(values) - 1) * stats.sem(values)
    return float(np.mean(values)), float(reach)


def bootstrap_ratio_interval(numerators: np.ndarray, denominators: np.ndarray) -> tuple[float, float]:
    """Computes the interval of `sum(numerators) / sum(denominators)` with the percentile bootstrap over groups.

    A group is, for example, a video with several questions. The draws are seeded, so the result is always the same.

    Args:
        numerators: One number for each group.
        denominators: One number for each group.

    Returns:
        The lower and the upper bound. For a single group, both are the ratio itself.
    """
    from scipy import stats

    if len(numerators) < 2:
        ratio = float(np.sum(numerators) / np.sum(denominators))
        return ratio, ratio
    found = stats.bootstrap(
        (numerators, denominators),
        lambda numerator, denominator, axis: numerator.sum(axis) / denominator.sum(axis),
        paired=True,
        vectorized=True,
        n_resamples=BOOTSTRAP_DRAWS,
        confidence_level=CONFIDENCE,
        method="percentile",
        rng=np.random.default_rng(0),
    )
    return float(found.confidence_interval.low), float(found.confidence_interval.high)
