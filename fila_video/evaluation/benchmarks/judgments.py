"""Scores of benchmarks from the tasks' judgments of single answers, with standard errors and paired differences.

All samples of a benchmark have weights whose sum is 1, so that the score is a weighted mean. Questions about the same
video are not independent: standard errors are clustered by video (Liang and Zeger 1986), with the deviations from the
mean of the sample's group.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from fila_video.common.statistics import CONFIDENCE

from .paper_tasks import Benchmark
from .run_tasks import TaskResult, guesses


@dataclass(frozen=True)
class Judged:
    """
    A question, and how the answer was judged.

    Attributes:
        task: Its task in lmms-eval.
        document: Number of the document in the task's data.
        video: What is asked about.
        group: Samples of a group have the same weight, and all groups together have the same weight.
        is_right: Whether the task counts the answer as right. An unreadable video counts as wrong.
        is_unparsed: Whether the task found no choice in the answer and counts it as wrong.
        is_guessed: Whether the task found none and guessed at random.
        is_unreadable: Whether there is no answer because the video cannot be read.
    """

    task: str
    document: int
    video: str
    group: str
    is_right: bool
    is_unparsed: bool
    is_guessed: bool
    is_unreadable: bool


@dataclass(frozen=True)
class Estimate:
    """
    A score or a difference of scores, in points of 100.

    Attributes:
        value: The estimate.
        error: Its standard error; None if there are fewer than two videos.
        num_videos: Number of videos.
    """

    value: float
    error: float | None
    num_videos: int

    @property
    def interval(self) -> tuple[float, float] | None:
        """The 95 % interval (Student's t over videos)."""
        if self.error is None:
            return None
        from scipy import stats

        reach = float(stats.t.ppf((1 + CONFIDENCE) / 2, df=self.num_videos - 1)) * self.error
        return self.value - reach, self.value + reach


def judge(
    benchmark: Benchmark, results: Mapping[str, TaskResult], unreadable: Iterable[tuple[str, int]]
) -> list[Judged]:
    """
    Judges all samples of a benchmark.

    Args:
        benchmark: The benchmark.
        results: The results of each of its tasks.
        unreadable: Task and document of each question whose video could not be read.
    """
    failed, judged = set(unreadable), []
    for task, result in results.items():
        for sample in sorted(result.samples, key=lambda sample: sample["doc_id"]):
            judgment, is_failed = sample[benchmark.result], (task, sample["doc_id"]) in failed
            is_guessed = not is_failed and guesses(result.task, sample["doc"], sample["filtered_resps"])
            judged.append(
                Judged(
                    task=task,
                    document=sample["doc_id"],
                    video=str(sample["doc"][benchmark.video]),
                    group=str(judgment[benchmark.group]) if benchmark.group else task,
                    is_right=not is_failed and benchmark.is_right(judgment),
                    is_unparsed=not is_failed and not is_guessed and benchmark.is_unparsed(judgment),
                    is_guessed=is_guessed,
                    is_unreadable=is_failed,
                )
            )
    return judged


def score_of(judged: Sequence[Judged], num_groups: int) -> Estimate:
    """
    Returns the score of a benchmark.

    Args:
        judged: At least one sample.
        num_groups: Number of groups, if some may have no samples; 0 for those that are there.
    """
    return _weighted([100.0 * each.is_right for each in judged], judged, num_groups)


def difference_of(judged: Sequence[Judged], base: Sequence[Judged], num_groups: int) -> Estimate:
    """
    Returns the score of a model minus that of another one, from the differences at each question.

    Raises:
        ValueError: If the two were not asked the same questions.
    """
    questions = [[(each.task, each.document) for each in side] for side in (judged, base)]
    if questions[0] != questions[1]:
        raise ValueError("The two models were not asked the same questions.")
    differences = [100.0 * (one.is_right - other.is_right) for one, other in zip(judged, base, strict=True)]
    return _weighted(differences, judged, num_groups)


def _weighted(values: Sequence[float], judged: Sequence[Judged], num_groups: int) -> Estimate:
    sizes = Counter(each.group for each in judged)
    weights = {group: 1 / ((num_groups or len(sizes)) * size) for group, size in sizes.items()}
    sums: dict[str, float] = defaultdict(float)
    for value, each in zip(values, judged, strict=True):
        sums[each.group] += value
    of_video: dict[str, float] = defaultdict(float)
    for value, each in zip(values, judged, strict=True):
        of_video[each.video] += weights[each.group] * (value - sums[each.group] / sizes[each.group])
    estimate, number = sum(weights[group] * total for group, total in sums.items()), len(of_video)
    error = None
    if number > 1:
        error = math.sqrt(number / (number - 1) * sum(deviation**2 for deviation in of_video.values()))
    return Estimate(estimate, error, number)
