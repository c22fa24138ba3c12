"""The files of training samples, as `join` writes them."""

import json

import pytest

from fila_video.common.files import read_records
from fila_video.dataset.annotations.samples import find_annotations


def records(path) -> list[dict]:
    return [record for _, record in read_records(path)]


def test_both_files_hold_the_same_samples_and_questions_are_marked(made):
    samples = records(made / "captions.jsonl")
    assert json.loads((made / "captions.json").read_text(encoding="utf-8")) == samples
    assert [sample["id"] for sample in samples] == ["long-000000", "long-000001"]
    questions = records(made / "questions.jsonl")
    assert {question["kind"] for question in questions} == {"at_second", "after", "before", "order"}
    assert all("not from the FiLA-Video paper" in question["origin"] for question in questions)
    assert {question["data_source"] for question in questions} == {"fila_long_video_questions"}
    assert all("origin" not in sample for sample in samples)


def test_questions_are_written_on_request_only(workshop, copy_of_made):
    output = copy_of_made()
    assert (output / "questions.jsonl").is_file()
    assert workshop.join(output) == 0
    assert not (output / "questions.jsonl").exists()


def test_without_prompt_frames_the_users_turn_has_no_sentence(workshop, copy_of_made):
    output = copy_of_made()
    assert workshop.join(output, "--prompt-frames 0") == 0
    for sample in records(output / "captions.jsonl"):
        assert sample["prompt_frames"] is None
        assert sample["conversations"][0]["value"].count("\n") == 1


def test_annotations_are_found_in_a_folder_or_as_a_file(tmp_path):
    with pytest.raises(FileNotFoundError, match="has neither captions.jsonl nor captions.json"):
        find_annotations(tmp_path)
    for name in ("captions.json", "captions.jsonl"):
        (tmp_path / name).write_text("", encoding="utf-8")
        assert find_annotations(tmp_path) == tmp_path / name
    assert find_annotations(tmp_path / "captions.json") == tmp_path / "captions.json"
