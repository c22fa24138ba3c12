"""The command line reports bad input in one line, and leaves nothing behind."""

import json

import pytest

from fila_video.conversion.scratch import write_scratch_checkpoint
from fila_video.onnx.__main__ import main
from fila_video.onnx.ask import read_requests


def test_a_folder_without_an_export_is_named(tmp_path, capsys):
    assert main(["ask", str(tmp_path), "clip.mp4", "What happens?"]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("python -m fila_video.onnx ask: ") and str(tmp_path) in line


def test_settings_of_another_version_are_refused(tmp_path, capsys):
    (tmp_path / "settings.json").write_text('{"frame_size": [64, 64], "new": 1}')
    assert main(["ask", str(tmp_path), "clip.mp4", "What happens?"]) == 1
    assert "settings.json was not written by this version" in capsys.readouterr().err


@pytest.mark.parametrize("line", ['{"video": "clip.mp4"}', '{"video": 3, "question": "?"}', "[1]"])
def test_a_request_that_is_none_is_named_by_its_line(line, tmp_path):
    path = tmp_path / "requests.jsonl"
    path.write_text(json.dumps({"video": "a.mp4", "question": "?"}) + "\n" + line + "\n")
    with pytest.raises(ValueError, match=r"requests\.jsonl, (line|record) 2"):
        list(read_requests(path))


def test_a_model_that_selects_by_an_early_layer_is_refused(tmp_path, capsys):
    write_scratch_checkpoint("tiny", tmp_path / "tiny")
    path = tmp_path / "tiny" / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text(encoding="utf-8")), "selection_layer": 1}))
    assert main(["export", str(tmp_path / "tiny"), str(tmp_path / "out")]) == 1
    assert "selection_layer=1, but an ONNX file holds the vision tower as a whole" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_folder_that_is_in_use_is_not_touched(tmp_path, capsys):
    write_scratch_checkpoint("tiny", tmp_path / "tiny")
    used = tmp_path / "used"
    used.mkdir()
    (used / "notes.txt").write_text("mine")
    assert main(["export", str(tmp_path / "tiny"), str(used)]) == 1
    assert "already exists" in capsys.readouterr().err
    assert [path.name for path in used.iterdir()] == ["notes.txt"]
    assert {path.name for path in tmp_path.iterdir()} == {"tiny", "used"}
