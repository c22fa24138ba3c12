import json

import pytest

from fila_video.cli.answers_file import AnswersFile
from fila_video.cli.requests import Request


RUN = {"model": "m", "options": {"num_frames": 8}}
REQUESTS = [Request("a.mp4", "What?"), Request("a.mp4", "Who?", id=3), Request("b.mp4", "What?")]


def answered(request, answer="yes"):
    return {**request.record(), "answer": answer}


def lines_of(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_a_line_is_in_the_file_as_soon_as_it_is_added(tmp_path):
    path = tmp_path / "new" / "answers.jsonl"
    with AnswersFile(path, RUN) as file:
        assert file.unanswered(REQUESTS) == REQUESTS
        file.add(answered(REQUESTS[0]))
        assert lines_of(path) == [{"video": "a.mp4", "question": "What?", "answer": "yes", **RUN}]


def test_a_later_run_continues(tmp_path):
    path = tmp_path / "answers.jsonl"
    with AnswersFile(path, RUN) as file:
        file.add(answered(REQUESTS[1]))
        file.add({**answered(REQUESTS[0], None), "error": "it burned"})
    whole = path.read_text().splitlines(keepends=True)[0]
    path.write_text(path.read_text() + '{"video": "b.mp4", "ques')  # a run that was killed while it wrote
    with AnswersFile(path, RUN) as file:
        assert path.read_text() == whole
        assert file.unanswered(REQUESTS) == [REQUESTS[0], REQUESTS[2]]
        file.add(answered(REQUESTS[0]))
    assert [line["answer"] for line in lines_of(path)] == ["yes", "yes"]


def test_the_same_request_may_stand_in_a_file_several_times(tmp_path):
    path = tmp_path / "answers.jsonl"
    with AnswersFile(path, RUN) as file:
        file.add(answered(REQUESTS[0]))
    with AnswersFile(path, RUN) as file:
        assert file.unanswered([REQUESTS[0]] * 3) == [REQUESTS[0]] * 2


def test_options_of_a_request_belong_to_it(tmp_path):
    path = tmp_path / "answers.jsonl"
    with AnswersFile(path, RUN) as file:
        file.add(answered(Request("a.mp4", "What?", options={"fps": 2})))
        assert AnswersFile(path, RUN).unanswered([REQUESTS[0]]) == [REQUESTS[0]]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"video": "a", "question": "b", "answer": "c", "model": "n", "options": {}}\n', "line 1 is an answer of"),
        ('{"video": "a", "question": "b"}\n', "line 1 is not an answer"),
        ("not JSON\n", "line 1 is not an answer"),
        ("[1]\n", "line 1 is not an answer"),
    ],
)
def test_a_file_of_something_else_stays_as_it_is(tmp_path, content, message):
    path = tmp_path / "answers.jsonl"
    path.write_text(content)
    with pytest.raises(ValueError, match=message):
        AnswersFile(path, RUN)
    assert path.read_text() == content


def test_names_of_files_in_other_encodings_come_back(tmp_path):
    path = tmp_path / "answers.jsonl"
    odd = Request("caf\udce9.mp4", "Où ?")
    with AnswersFile(path, RUN) as file:
        file.add(answered(odd))
    path.write_text(path.read_text() + "{")
    with AnswersFile(path, RUN) as file:
        assert file.unanswered([odd]) == []
    assert [line["video"] for line in lines_of(path)] == [odd.video]
