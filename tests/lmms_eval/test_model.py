"""FiLA-Video as a model of lmms-eval, with the stock tasks of the paper's Table 1 and small copies of their data."""

import json
import math
from pathlib import Path

import pytest

from .benchmark_data import CLIPS, MVBENCH
from .conftest import MINI


pytestmark = pytest.mark.lmms
GUESSING = ("longvideobench_val_v", "egoschema_subset", "nextqa_mc_test")
RIGHT = {  # with all answers right
    "videomme": ("videomme_perception_score,none", 100),
    "videomme_w_subtitle": ("videomme_perception_score,none", 100),
    "mvbench_action_count": ("mvbench_accuracy,none", 100),
    "longvideobench_val_v": ("lvb_acc,none", 1),
    "mlvu_dev": ("mlvu_percetion_score,none", 100 / 7),  # one of seven kinds has questions
    "egoschema_subset": ("score,none", 1),
    "nextqa_mc_test": ("exact_match,none", 1),
    "perceptiontest_val_mc": ("accuracy,none", 1),
}


@pytest.fixture(scope="module")
def report(run_lmms, clips, tmp_path_factory) -> dict:
    folder = tmp_path_factory.mktemp("report")
    for name, content in clips.items():
        (folder / f"{name}.mp4").write_bytes(content)
    script = Path(__file__).with_name("measure_model.py")
    run_lmms(script, MINI, folder, folder / "report.json", home=folder / "huggingface", cwd=folder)
    return json.loads((folder / "report.json").read_text(encoding="utf-8"))


def test_lmms_eval_finds_the_model_by_its_name(report):
    assert report["class"] == "FilaVideo"


def test_answers_are_those_of_the_pipeline(report):
    assert report["answers"] == report["of_pipeline"]
    assert len(report["answers"]) == 6 + 6 + len(MVBENCH) + 5 * len(CLIPS)
    assert len(set(report["answers"].values())) > 5  # otherwise nothing would be tested


def test_each_video_is_read_and_encoded_once(report):
    assert report["read"] == [1] * len(CLIPS)
    assert report["encoded"] == len(CLIPS)


@pytest.mark.parametrize("form", ["{letter}", "({letter})", "The best answer is {letter}"])
def test_right_letters_get_the_full_score(report, form):
    for task, (metric, expected) in RIGHT.items():
        found = report["oracles"][form][task][metric]
        assert found == pytest.approx(expected), (task, found)
    assert not any(report["guesses"][form].values())


@pytest.mark.parametrize("form", ["nothing fits", ""])
def test_nonsense_gets_nothing_or_is_guessed_at_random(report, form):
    for task, (metric, _) in RIGHT.items():
        if task not in GUESSING:
            assert report["oracles"][form][task][metric] == 0
            assert report["guesses"][form][task] == 0
        else:
            assert report["guesses"][form][task] == len(CLIPS)


def test_subtitles_reach_the_prompt_only_in_one_form(report):
    """What lmms-eval does: the lines of the styled file, none of the plain one."""
    prompt = report["prompts"]["videomme_w_subtitle"]
    assert prompt.startswith("This video's subtitles are listed below: \nthe first line\n")


def test_the_full_set_of_egoschema_gets_the_score_of_the_server(report):
    assert report["submission"] == {"sent": [{name: place for place, name in enumerate(CLIPS)}], "score": 66.67}


def test_likelihoods_are_those_of_one_pass_over_prompt_and_text(report):
    for found, expected in zip(report["likelihoods"], report["likelihoods_of_one_pass"], strict=True):
        assert found[0] == pytest.approx(expected[0], rel=1e-4)
        assert found[1] == expected[1]
        assert math.isfinite(found[0])


def test_rounds_ask_about_the_answers_before(report):
    first, second = report["rounds"]
    assert len(first) == 3 and len(second) == 1
    assert first[:2] == report["rounds_of_pipeline"]
    assert second == first[:1]


def test_an_unreadable_video_is_a_named_failure_and_the_others_are_answered(report):
    failures = {(task, document): failure for task, document, failure in report["failures"]}
    assert set(failures) == {("videomme", 1), ("videomme", 4), ("mlvu_dev", 2)}
    assert "two.mp4" in failures["videomme", 1] and "three.mp4" in failures["mlvu_dev", 2]
    for key, answer in report["answers_beside_failures"].items():
        task, document = key.split()
        assert answer == ("" if (task, int(document)) in failures else report["answers"][key])
