"""Validation finds nothing wrong in what `join` makes, and reports one line for each problem."""

import json
import shutil

import pytest

from fila_video.dataset.__main__ import main
from fila_video.dataset.validation.validate_dataset import validate_dataset
from tests.clips import draw_clip
from tests.fila_video.dataset.coded_clips import write_lines


def turns(question: str, reply: str) -> list[dict[str, str]]:
    return [{"from": "human", "value": question}, {"from": "gpt", "value": reply}]


def sample(**values) -> dict:
    """Returns a correct record about a video of 4 seconds with two scenes."""
    scenes = [{"start": 0.0, "end": 2.0, "video": "a.mp4"}, {"start": 2.0, "end": 4.0, "video": "b.mp4"}]
    conversation = turns("<image>\nWhat?", "0.00 - 2.00: One.\n2.00 - 4.00: Two.")
    return {"id": "x", "video": "v.mp4", "duration": 4.0, "scenes": scenes, "conversations": conversation} | values


@pytest.fixture
def folder(tmp_path):
    draw_clip(tmp_path / "v.mp4", seconds=4, fps=10)
    return tmp_path


def problems(folder, *lines: dict) -> list[str]:
    return validate_dataset(write_lines(folder / "captions.jsonl", lines)).problems


def test_what_join_makes_has_no_problems(made, tmp_path, capsys):
    assert (
        main(["validate", str(made), "--workers", "1", "--decode", "all", "--manifest", str(tmp_path / "m.jsonl")]) == 0
    )
    assert "2 records, 0 problems." in capsys.readouterr().out
    manifest = [json.loads(line) for line in (tmp_path / "m.jsonl").read_text().splitlines()]
    assert [entry["video"] for entry in manifest] == ["videos/long-000000.mp4", "videos/long-000001.mp4"]
    assert all(len(entry["sha256"]) == 64 and entry["seconds"] > 300 for entry in manifest)
    assert main(["validate", str(made / "questions.jsonl"), "--workers", "1"]) == 0


def test_a_correct_record_has_no_problems(folder):
    assert problems(folder, sample()) == []
    assert problems(folder, {"id": "y", "video": "v.mp4", "conversations": turns("What?\n<image>", "A dog.")}) == []


@pytest.mark.parametrize(
    "values, expected",
    [
        ({"video": None}, "x: does not name a video"),
        ({"conversations": "text"}, "x: conversations is not a list of {from, value}"),
        ({"conversations": []}, "x: the turns do not alternate between human and gpt"),
        (
            {"conversations": turns("What?", "0.00 - 2.00: One.")},
            "x: the text has <image> or <video> 0 times, but it must have it once, in the first turn",
        ),
        ({"conversations": turns("<image>\nWhat?", " ")}, "x: a turn is empty"),
        ({"duration": 4.2}, "x: lasts 4.000 s, not 4.200 s"),
        ({"video": "w.mp4"}, "w.mp4 does not exist"),
        (
            {"conversations": turns("<image>\nWhat?", "0.00 - 2.50: One.\n2.50 - 4.00: Two.")},
            "x: the times in the text are not the times of the scenes",
        ),
        (
            {"scenes": None, "conversations": turns("<image>\nWhat?", "0.00 - 2.00: One.\n1.00 - 9.00: Two.")},
            "x: scene 1 starts at 1.0 s, before the end of the previous scene at 2.0 s",
        ),
        (
            {"scenes": None, "conversations": turns("<image>\nWhat?", "0.00 - 2.00: One.\n2.00 - 9.00: Two.")},
            "x: scene 1 ends at 9.0 s, after the end of the video at 4.000 s",
        ),
        (
            {"scenes": None, "conversations": turns("<image>\nWhat?", "0.00 - 2.00: One.\n2.00 - 2.00: Two.")},
            "x: scene 1 ends at 2.0 s, which is not after its start at 2.0 s",
        ),
        (
            {"scenes": [{"start": 0.0, "end": 2.0, "video": "a.mp4"}, {"start": 2.0, "end": 4.0, "video": "a.mp4"}]},
            "x: the scenes contain clip a.mp4 2 times",
        ),
    ],
)
def test_each_problem_is_reported(folder, values, expected):
    assert any(expected in problem for problem in problems(folder, sample(**values)))


def test_duplicates(folder):
    shutil.copy(folder / "v.mp4", folder / "w.mp4")
    found = problems(folder, sample(), sample(), sample(id="z", video="w.mp4"))
    assert "x: 2 records have this id" in found
    assert "v.mp4: 2 records about it have the same conversation" in found
    assert "v.mp4: w.mp4 has the same bytes" in found


def test_a_damaged_video_is_found(real_video, folder):
    shutil.copy(real_video("corrupted.mp4"), folder / "bad.mp4")
    path = write_lines(
        folder / "captions.jsonl", [{"id": "b", "video": "bad.mp4", "conversations": turns("<image>", "A.")}]
    )
    assert any("of 50 frames cannot be decoded" in problem for problem in validate_dataset(path, decode="all").problems)


def test_everything_is_reported_and_the_exit_status_says_so(folder, capsys):
    path = write_lines(folder / "captions.jsonl", [sample(duration=9), sample(id="y", video="w.mp4")])
    assert main(["validate", str(path), "--workers", "1"]) == 1
    lines = capsys.readouterr().out.strip().splitlines()
    assert len(lines) == 3 and lines[-1] == "2 records, 2 problems."
    with pytest.raises(ValueError, match="decode='some' is unknown"):
        validate_dataset(path, decode="some")


def test_records_are_counted_not_lines(folder):
    path = write_lines(folder / "captions.jsonl", [sample()])
    path.write_text("\n\n" + path.read_text(encoding="utf-8"), encoding="utf-8")
    assert validate_dataset(path).num_records == 1
