"""A folder of results belongs to one plan."""

import json

import pytest

from fila_video.common.resumable_folder import begin


def test_a_new_folder_gets_the_plan(tmp_path):
    folder = tmp_path / "a" / "results"
    begin(folder, "plan.json", {"steps": 5, "seeds": (0, 1)})
    assert json.loads((folder / "plan.json").read_text(encoding="utf-8")) == {"steps": 5, "seeds": [0, 1]}
    assert [path.name for path in folder.iterdir()] == ["plan.json"]


def test_an_empty_folder_is_a_new_one(tmp_path):
    begin(tmp_path, "plan.json", {"steps": 5})
    assert (tmp_path / "plan.json").is_file()


def test_the_same_plan_continues_and_nothing_is_written_again(tmp_path):
    begin(tmp_path, "plan.json", {"steps": 5, "seeds": (0, 1)})
    (tmp_path / "result.json").write_text("{}", encoding="utf-8")
    before = (tmp_path / "plan.json").stat().st_mtime_ns
    begin(tmp_path, "plan.json", {"steps": 5, "seeds": (0, 1)})
    assert (tmp_path / "plan.json").stat().st_mtime_ns == before


def test_another_plan_is_refused_with_the_differences_only(tmp_path):
    begin(tmp_path, "plan.json", {"steps": 5, "seeds": 2})
    with pytest.raises(ValueError, match=r"holds results of {'steps': 5}, not of {'steps': 6}"):
        begin(tmp_path, "plan.json", {"steps": 6, "seeds": 2})
    with pytest.raises(ValueError, match=r"holds results of {}, not of {'epochs': 1}"):
        begin(tmp_path, "plan.json", {"steps": 5, "seeds": 2, "epochs": 1})


def test_a_folder_with_other_files_is_refused(tmp_path):
    (tmp_path / "holiday.jpg").write_bytes(b"")
    with pytest.raises(ValueError, match="contains files that this command did not write"):
        begin(tmp_path, "plan.json", {"steps": 5})
    assert [path.name for path in tmp_path.iterdir()] == ["holiday.jpg"]
