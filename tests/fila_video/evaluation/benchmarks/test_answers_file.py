"""Answers that a later run finds again."""

import pytest

from fila_video.evaluation.benchmarks.answers_file import AnswersFile, Given, path_of, read_answers


def given(key: str, **fields) -> Given:
    return Given(key=key, task="task", document=0, video="clip.mp4", **fields)


def test_a_later_run_finds_answers_of_all_processes(tmp_path):
    for rank in (0, 1):
        AnswersFile(tmp_path, rank).add([given(f"key {rank}", answer="B")])
    later = AnswersFile(tmp_path, 0)
    assert [later.get(f"key {rank}").answer for rank in (0, 1)] == ["B", "B"]
    assert later.get("key 2") is None and later.added == []


def test_failures_are_tried_again(tmp_path):
    AnswersFile(tmp_path).add([given("key", failure="damaged")])
    assert AnswersFile(tmp_path).get("key") is None
    assert [each.failure for each in read_answers(tmp_path)] == ["damaged"]


def test_the_line_of_a_killed_process_is_left_out(tmp_path):
    AnswersFile(tmp_path).add([given("one", answer="A"), given("two", answer="B")])
    path = path_of(tmp_path, 0)
    path.write_bytes(path.read_bytes()[:-20])
    assert [each.key for each in read_answers(tmp_path)] == ["one"]
    later = AnswersFile(tmp_path)
    later.add([given("two", answer="B")])
    assert [each.key for each in read_answers(tmp_path)] == ["one", "two"]


def test_a_damaged_line_is_named(tmp_path):
    path_of(tmp_path, 0).write_text('{"no": "answer"}\n', encoding="utf-8")
    with pytest.raises(ValueError, match="line 1 is not an answer"):
        list(read_answers(tmp_path))


def test_without_a_folder_nothing_is_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    answers = AnswersFile(None)
    answers.add([given("key", answer="A")])
    assert answers.get("key").answer == "A" and not list(tmp_path.iterdir())
