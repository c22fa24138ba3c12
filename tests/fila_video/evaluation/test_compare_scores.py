"""Intervals say whether a trained model reproduces the scores of the shipped one, for each type of question."""

import pytest

from fila_video.evaluation.__main__ import main
from fila_video.evaluation.compare_scores import compare_scores
from fila_video.evaluation.scores import Score, save_scores
from tests.tables import unpadded


def score(right: int, asked: int) -> Score:
    return Score(asked=asked, right=right, chance=0.0)


def test_types_outside_the_interval_and_differences_that_exclude_0_are_marked():
    shipped = {
        "last": score(109, 109),
        "shape": score(95, 100),
        "motion": score(50, 100),
        "when": score(88, 100),
        "all": score(1870, 2000),
    }
    trained = {
        "last": score(109, 109),
        "shape": score(96, 100),
        "motion": score(80, 100),
        "when": score(79, 100),
        "all": score(1875, 2000),
    }
    lines = {line.split(" | ")[0].strip("| "): line for line in compare_scores(shipped, trained).splitlines() if line}
    assert "outside" not in lines["last"] and "outside" not in lines["shape"] and "excludes 0" not in lines["shape"]
    assert "outside" in lines["motion"] and "excludes 0" in lines["motion"]
    assert "outside" in lines["when"] and "excludes 0" not in lines["when"]
    summary = (
        "2 of 4 types lie within the interval of the shipped model. "
        "For 1 of 4 types, the interval of the difference excludes 0."
    )
    assert compare_scores(shipped, trained).endswith(summary)


def test_scores_of_different_questions_are_not_compared():
    with pytest.raises(ValueError, match="was asked {'shape': 100}, the trained one {'shape': 9}"):
        compare_scores({"shape": score(95, 100)}, {"shape": score(9, 9)})
    with pytest.raises(ValueError, match="the trained one {}"):
        compare_scores({"shape": score(95, 100)}, {})


def test_the_command_prints_every_split_of_both(tmp_path, capsys):
    for name, right in (("mine", 90), ("shipped", 95)):
        (tmp_path / name).mkdir()
        save_scores({"test": {"all": score(right, 100)}}, tmp_path / name / "scores.json")
    assert main(["compare", str(tmp_path / "mine"), str(tmp_path / "shipped")]) == 0
    assert "| all | 100 | 0.950 | 0.888 to 0.978 | 0.900 | yes | -5.0 |" in unpadded(capsys.readouterr().out)


def test_a_folder_without_scores_is_named(tmp_path, capsys):
    assert main(["compare", str(tmp_path / "none"), str(tmp_path)]) == 1
    assert "none/scores.json" in capsys.readouterr().err
