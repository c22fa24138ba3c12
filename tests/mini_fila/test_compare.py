"""Whether a table has been reproduced is said by intervals, for each type of question."""

import pytest

from evaluation_fila.evaluate import Score
from mini_fila.compare import compare, difference, main
from mini_fila.measure import save_scores


def score(right: int, asked: int) -> Score:
    return Score(asked=asked, right=right, chance=0.0)


@pytest.mark.parametrize(
    ("one", "other", "interval"),
    [
        # Newcombe (1998), Statistics in Medicine 17: 873-890, table II, method 10.
        ((56, 70), (48, 80), (0.0524, 0.3339)),
        ((9, 10), (3, 10), (0.1705, 0.8090)),
        ((10, 10), (0, 10), (0.6075, 1.0)),
    ],
)
def test_intervals_of_differences_are_newcombes(one, other, interval):
    found = difference(shipped=score(*other), trained=score(*one))  # he subtracts the second
    assert found.more == pytest.approx(one[0] / one[1] - other[0] / other[1])
    assert (found.low, found.high) == pytest.approx(interval, abs=5e-5)


def test_what_lies_outside_and_what_differs_is_marked():
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
    lines = {line.split(" | ")[0].strip("| "): line for line in compare(shipped, trained).splitlines() if line}
    assert "outside" not in lines["last"] and "outside" not in lines["shape"] and "excludes 0" not in lines["shape"]
    assert "outside" in lines["motion"] and "excludes 0" in lines["motion"]
    assert "outside" in lines["when"] and "excludes 0" not in lines["when"]
    summary = "2 of 4 types lie within the shipped interval; of 1 the difference excludes 0."
    assert compare(shipped, trained).endswith(summary)


def test_other_questions_are_not_compared():
    with pytest.raises(ValueError, match="was asked {'shape': 100}, the other {'shape': 9}"):
        compare({"shape": score(95, 100)}, {"shape": score(9, 9)})
    with pytest.raises(ValueError, match="the other {}"):
        compare({"shape": score(95, 100)}, {})


def test_the_command_prints_every_split_of_both(tmp_path, capsys):
    for name, right in (("mine", 90), ("shipped", 95)):
        (tmp_path / name).mkdir()
        save_scores({"test": {"all": score(right, 100)}}, tmp_path / name / "scores.json")
    assert main([str(tmp_path / "mine"), str(tmp_path / "shipped")]) == 0
    assert "| all | 100 | 0.950 | 0.888 to 0.978 | 0.900 |  | -5.0 |" in capsys.readouterr().out


def test_a_folder_without_scores_is_named(tmp_path, capsys):
    assert main([str(tmp_path / "none"), str(tmp_path)]) == 2
    assert "none/scores.json" in capsys.readouterr().err
