"""Asking a split: every question of every video is asked once, answers are judged, and scores add up."""

import json

import pytest

from fila_video.common.statistics import wilson_interval
from fila_video.evaluation.ask import ask_split
from fila_video.evaluation.scores import as_table, scores_of, write_results
from fila_video.world.make_data import DataPlan, make_data
from fila_video.world.world_options import WorldOptions


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("split")
    make_data(folder, DataPlan("test", 3, 12))
    return folder


def truth_of(data):
    videos = [json.loads(line) for line in (data / "truth.jsonl").read_text(encoding="utf-8").splitlines()]
    return {
        (str(data / video["video"]), question["text"]): question for video in videos for question in video["questions"]
    }


def pipe_that(answer, truth, seen):
    """Like a pipeline: returns a list with one answer for each prompt of a list."""

    def pipe(prompts, batch_size, max_new_tokens):
        seen.extend(prompts)
        assert len(prompts) <= batch_size and max_new_tokens > 70
        return [[{"generated_text": " " + answer(truth[prompt["video"], prompt["text"]])}] for prompt in prompts]

    return pipe


def test_true_answers_are_always_right(data):
    truth, seen = truth_of(data), []
    answered = list(ask_split(pipe_that(lambda question: question["answer"].upper(), truth, seen), data, batch_size=5))
    assert len(seen) == len(answered) == len(truth) == 36
    assert all(answer.is_right for answer in answered)
    assert all(score.share == 1 for score in scores_of(answered).values())


def test_scores_are_shares_with_wilson_intervals(data):
    truth = truth_of(data)
    answered = list(ask_split(pipe_that(lambda question: "yes", truth, []), data))
    scores = scores_of(answered)
    num_yes = sum(question["answer"] == "yes" for question in truth.values())
    assert (scores["all"].asked, scores["all"].right) == (36, num_yes)
    assert scores["all"].interval == wilson_interval(num_yes, 36)
    assert sum(score.asked for name, score in scores.items() if name != "all") == 36
    assert scores["all"].chance == pytest.approx(sum(question["chance"] for question in truth.values()) / 36)
    assert as_table(scores).count("\n") == len(scores) + 1


def test_only_questions_about_events(tmp_path):
    make_data(tmp_path, DataPlan("test", 2, 12, options=WorldOptions(scenes=(3, 3), events=(1, 1))))
    truth, seen = truth_of(tmp_path), []
    answered = list(ask_split(pipe_that(lambda question: "no", truth, seen), tmp_path, only_about_events=True))
    assert 0 < len(answered) < 24 and all(answer.is_about_event for answer in answered)
    assert len(seen) == sum(question["is_about_event"] for question in truth.values())


def test_only_the_first_questions(data, tmp_path):
    answered = list(ask_split(pipe_that(lambda question: "no", truth_of(data), []), data, max_questions=7))
    assert len(answered) == 7
    write_results(tmp_path / "new" / "results.json", answered, {"model": "none"})
    results = json.loads((tmp_path / "new" / "results.json").read_text(encoding="utf-8"))
    assert results["model"] == "none" and len(results["answers"]) == 7
    assert results["scores"]["all"]["asked"] == 7
