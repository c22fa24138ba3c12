"""A split on disk: the training package reads the records, and the ground truth agrees with them."""

import json

import pytest

from fila_video.training.data.records import chat_of
from fila_video.world.__main__ import main
from fila_video.world.make_data import DataPlan, make_data, make_data_once
from fila_video.world.more_wordings import MORE_WORDINGS
from fila_video.world.wordings import wordings_of
from fila_video.world.world_options import WorldOptions


ARGUMENTS = ("--videos", "4", "--questions-per-video", "5", "--seconds", "3", "4", "--scenes", "2", "3")


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """The same split, made by one process and by two."""
    found = [tmp_path_factory.mktemp("data") for _ in range(2)]
    for folder, workers in zip(found, "12", strict=True):
        assert main(["make-data", str(folder), "--workers", workers, *ARGUMENTS]) == 0
    return found


def lines_of(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_any_number_of_workers_writes_the_same_files(folders):
    one, two = ({path.relative_to(folder): path.read_bytes() for path in folder.rglob("*.*")} for folder in folders)
    assert len(one) == 4 + 2
    assert one == two


def test_a_complete_folder_is_not_written_again(tmp_path):
    plan = DataPlan("train", 1, 2, options=WorldOptions(scenes=(1, 1), seconds=(1.0, 1.0)))
    records = make_data_once(tmp_path, plan)
    assert len(lines_of(records)) == 1
    records.write_text("its own", encoding="utf-8")
    assert make_data_once(tmp_path, plan) == records and records.read_text(encoding="utf-8") == "its own"
    records.unlink()  # only the ground truth is left, as after an interrupted run
    assert len(lines_of(make_data_once(tmp_path, plan))) == 1


def test_records_are_conversations_that_can_be_trained_on(folders):
    for record, truth in zip(lines_of(folders[0] / "records.jsonl"), lines_of(folders[0] / "truth.jsonl"), strict=True):
        row = chat_of(record, folder=str(folders[0]), source="records.jsonl")
        assert row["modality"] == "video"
        assert [message["role"] for message in row["messages"]] == ["user", "assistant"] * 5
        texts = [message["content"][-1]["text"] for message in row["messages"]]
        assert texts[::2] == [question["text"] for question in truth["questions"]]
        assert texts[1::2] == [question["answer"] for question in truth["questions"]]
        assert (folders[0] / record["video"]).is_file()


def test_many_questions_are_split_into_records(folders, tmp_path):
    """Every question is in one record, and every record names the video."""
    make_data(tmp_path, DataPlan("train", 2, 5, options=WorldOptions(scenes=(2, 2)), questions_per_record=2))
    records, truths = lines_of(tmp_path / "records.jsonl"), lines_of(tmp_path / "truth.jsonl")
    assert [record["id"] for record in records] == [f"train_00000{v}_{part}" for v in range(2) for part in range(3)]
    for number, truth in enumerate(truths):
        rows = [
            chat_of(record, folder=str(tmp_path), source="r")["messages"]
            for record in records[3 * number : 3 * number + 3]
        ]
        assert [len(row) for row in rows] == [4, 4, 2] and all(row[0]["content"][0]["type"] == "video" for row in rows)
        texts = [message["content"][-1]["text"] for row in rows for message in row]
        assert texts[::2] == [question["text"] for question in truth["questions"]]


def test_some_types_in_few_words(tmp_path):
    """A video without such a question has no record, but it is drawn, and its ground truth is written."""
    command = ["make-data", str(tmp_path), "--videos", "6", "--scenes", "1", "2", "--shortest-share", "0.3"]
    assert main([*command, "--types", "before", "--most-wordings", "1"]) == 0
    truths = lines_of(tmp_path / "truth.jsonl")
    has_before = [truth for truth in truths if len(truth["truth"]["scenes"]) == 2]
    assert len(truths) == 6 and 0 < len(has_before) < 6
    assert [record["video"] for record in lines_of(tmp_path / "records.jsonl")] == [one["video"] for one in has_before]
    asked = [question for truth in truths for question in truth["questions"]]
    assert asked and all(question["text"].startswith("What is in the scene before the ") for question in asked)


def test_more_wordings_than_any_test_has(tmp_path):
    assert main(["make-data", str(tmp_path), "--videos", "4", "--types", "caption", "--more-wordings"]) == 0
    asked = [question["text"] for truth in lines_of(tmp_path / "truth.jsonl") for question in truth["questions"]]
    assert set(asked) & set(MORE_WORDINGS["caption"]) and set(asked) & set(wordings_of("caption"))
    with pytest.raises(ValueError, match="more_wordings is for training: the split 'test_wordings'"):
        DataPlan("test_wordings", 4, 8, more_wordings=True)


def test_more_and_fewer_wordings_at_once_leave_nothing_behind(tmp_path, capsys):
    command = ["make-data", str(tmp_path / "new"), "--videos", "4", "--more-wordings", "--most-wordings", "2"]
    assert main(command) == 1 and not (tmp_path / "new").exists()
    assert "more_wordings and most_wordings=2 exclude each other" in capsys.readouterr().err


@pytest.mark.parametrize(("name", "value"), [("types", ("which",)), ("num_videos", 0), ("most_wordings", 0)])
def test_a_plan_that_cannot_be_drawn_is_refused(name, value):
    with pytest.raises(ValueError, match=name):
        DataPlan(**{"split": "train", "num_videos": 1, "questions_per_video": 1, name: value})


def test_everything_begins_on_one_of_a_few_frames(tmp_path):
    """Three frames of a minute: at its start, in its middle, and at its end."""
    world = ["--scenes", "2", "2", "--seconds", "60", "60", "--changes-on-frames", "3"]
    assert main(["make-data", str(tmp_path), "--videos", "2", *world]) == 0
    starts = {s["start_seconds"] for one in lines_of(tmp_path / "truth.jsonl") for s in one["truth"]["scenes"]}
    assert starts <= {0.0, 29.9, 59.9} and len(starts) > 1


def test_the_truth_has_type_and_chance_of_every_question(folders):
    for truth in lines_of(folders[0] / "truth.jsonl"):
        assert truth["truth"]["scenes"]
        assert all(question["type"] and 0 <= question["chance"] <= 1 for question in truth["questions"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [(("--videos", "0"), "num_videos=0"), (("--videos", "1", "--scenes", "5", "2"), "scenes=(5, 2)")],
)
def test_commands_that_cannot_be_run_say_why(tmp_path, capsys, arguments, message):
    assert main(["make-data", str(tmp_path), *arguments]) == 1
    assert message in capsys.readouterr().err
