"""Scores, standard errors clustered by video, and paired differences."""

import random
from functools import wraps
from types import SimpleNamespace

import numpy as np
import pytest
import statsmodels.api as sm

from fila_video.evaluation.benchmarks.judgments import Judged, difference_of, judge, score_of
from fila_video.evaluation.benchmarks.paper_tasks import TABLE1
from fila_video.evaluation.benchmarks.run_tasks import TaskResult, judge_alike


def judged(*samples: tuple[str, str, bool]) -> list[Judged]:
    """Samples of (video, group, whether the answer is right)."""
    return [
        Judged("task", place, video, group, is_right, is_unparsed=False, is_guessed=False, is_unreadable=False)
        for place, (video, group, is_right) in enumerate(samples)
    ]


def random_samples(seed: int, num_videos: int = 12) -> list[tuple[str, str, bool]]:
    draw = random.Random(seed)
    return [(f"video {draw.randrange(num_videos)}", "all", draw.random() < 0.6) for _ in range(60)]


def test_a_score_is_the_share_of_right_answers():
    score = score_of(judged(("a", "x", True), ("a", "x", False), ("b", "x", True), ("b", "x", True)), 0)
    assert score.value == 75
    # Deviations from 0.75 summed by video: a -0.5, b 0.5; sqrt(2 / 1 * (0.125² + 0.125²)) = 0.25.
    assert score.error == pytest.approx(25)


def test_groups_count_the_same_and_those_without_samples_count_as_zero():
    samples = judged(("a", "x", True), ("b", "y", True), ("c", "y", False), ("d", "y", False))
    assert score_of(samples, 0).value == pytest.approx(100 * (1 + 1 / 3) / 2)
    assert score_of(samples, 7).value == pytest.approx(100 * (1 + 1 / 3) / 7)


@pytest.mark.parametrize("seed", range(3))
def test_the_standard_error_is_that_of_a_regression_with_clusters(seed):
    samples = random_samples(seed)
    right = np.array([100.0 * is_right for _, _, is_right in samples])
    videos = np.unique([video for video, _, _ in samples], return_inverse=True)[1]
    fit = sm.OLS(right, np.ones(len(right))).fit(
        cov_type="cluster", cov_kwds={"groups": videos, "use_correction": True, "df_correction": True}
    )
    score = score_of(judged(*samples), 0)
    # statsmodels corrects by (n - 1) / (n - k) as well, which is 1 for a mean.
    assert (score.value, score.error) == (pytest.approx(fit.params[0]), pytest.approx(fit.bse[0]))
    assert score.interval == pytest.approx(tuple(fit.conf_int()[0]), rel=0.2)


def test_a_single_video_has_no_standard_error():
    score = score_of(judged(("a", "x", True), ("a", "x", False)), 0)
    assert (score.value, score.error, score.interval) == (50, None, None)


def test_a_difference_is_paired():
    one = judged(("a", "x", True), ("b", "x", True), ("c", "x", False), ("d", "x", True))
    other = judged(("a", "x", True), ("b", "x", False), ("c", "x", False), ("d", "x", True))
    difference = difference_of(one, other, 0)
    assert difference.value == 25
    assert difference.error == pytest.approx(100 * np.std([0, 1, 0, 0], ddof=1) / 2)
    same = difference_of(one, one, 0)
    assert (same.value, same.error) == (0, 0)


def test_answers_to_other_questions_are_not_compared():
    with pytest.raises(ValueError, match="same questions"):
        difference_of(judged(("a", "x", True)), judged(("a", "x", True), ("b", "x", True)), 0)


def retried(function):
    """Wraps a function, as lmms-eval does with this one."""

    @wraps(function)
    def call(*arguments):
        return function(*arguments)

    return call


class GuessingTask:
    """Guesses at random if an answer is no letter, as some tasks do."""

    @retried
    def process_results(self, doc, results):
        answer = results[0] if results[0] in "ABCDE" else random.choice("ABCDE")
        return {"lvb_acc": {"parsed_pred": answer, "answer": doc["answer"]}}


def test_guesses_and_unreadable_videos_are_told_apart():
    benchmark = next(each for each in TABLE1 if each.task == "longvideobench_val_v")
    task = GuessingTask()
    judge_alike(task)
    docs = [{"video_path": f"{name}.mp4", "answer": "B"} for name in "abc"]
    samples = [
        {"doc_id": place, "doc": doc, "filtered_resps": [answer], **task.process_results(doc, [answer])}
        for place, (doc, answer) in enumerate(zip(docs, ("B", "no idea", "?"), strict=True))
    ]
    found = judge(benchmark, {benchmark.task: TaskResult(task, {}, samples)}, [(benchmark.task, 2)])
    assert [each.is_guessed for each in found] == [False, True, False]
    assert [each.is_unreadable for each in found] == [False, False, True]
    assert found[0].is_right and not found[2].is_right


def test_a_guess_depends_on_the_document_alone():
    task = GuessingTask()
    judge_alike(task)
    docs = [{"answer": "B", "number": number} for number in range(20)]
    first = [task.process_results(doc, ["?"]) for doc in docs]
    random.seed(7)
    assert [task.process_results(doc, ["?"]) for doc in reversed(docs)] == first[::-1]
    assert len({guess["lvb_acc"]["parsed_pred"] for guess in first}) > 2


def test_a_task_is_seeded_once():
    task = SimpleNamespace(process_results=lambda doc, results: {})
    judge_alike(task)
    once = task.process_results
    judge_alike(task)
    assert task.process_results is once
