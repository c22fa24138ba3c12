import json
from pathlib import Path

import pytest

from fila_video.cli.requests import Request, find_requests, read_requests, split_arguments, videos_in
from fila_video.cli.usage import BadUsage


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    """A working directory with two clips, other files, and a folder inside; none of them is ever opened."""
    monkeypatch.chdir(tmp_path)
    for name in ("b.MKV", "a.mp4", "notes.txt", ".hidden.mp4", "inside/c.webm", "inside/d.jpg", "empty/x.txt"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.touch()
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "questions", "expected"),
    [
        (["a.mp4", "What?"], [], (["a.mp4"], ["What?"])),
        (["a.mp4", "b.MKV", "What?", "Who?"], [], (["a.mp4", "b.MKV"], ["What?", "Who?"])),
        (["inside", "notes.txt", "What?"], [], (["inside", "notes.txt"], ["What?"])),
        (["https://example.org/x", "Is it a.mp4 or b.mp4"], [], (["https://example.org/x"], ["Is it a.mp4 or b.mp4"])),
        (["a.mp4", "b.MKV"], ["What?"], (["a.mp4", "b.MKV"], ["What?"])),
        (["a.mp4"], [], (["a.mp4"], [])),
        (["a.mp4", "Long? " * 2000], [], (["a.mp4"], ["Long? " * 2000])),
        (["a.mp4", "What?\0"], [], (["a.mp4"], ["What?\0"])),
    ],
)
def test_videos_come_first_and_questions_follow(folder, arguments, questions, expected):
    assert split_arguments(arguments, questions) == expected


@pytest.mark.parametrize(
    ("arguments", "questions", "error", "message"),
    [
        (["What?"], [], BadUsage, "'What?' is not a video"),
        (["nothing.mp4", "What?"], [], FileNotFoundError, "nothing.mp4: there is no such file"),
        (["a.mp4", "nothing.mp4", "What?"], [], FileNotFoundError, "nothing.mp4: there is no such file"),
        (["requests.jsonl"], [], FileNotFoundError, "requests.jsonl: there is no such file"),
        (["a.mp4", "What?", "b.MKV"], [], BadUsage, "'b.MKV' is a video and follows a question"),
        (["a.mp4", "What is it?"], ["Who?"], BadUsage, "'What is it?' is not a video: next to --question"),
    ],
)
def test_an_argument_that_is_neither_is_named(folder, arguments, questions, error, message):
    with pytest.raises(error, match=message.replace("?", r"\?")):
        split_arguments(arguments, questions)


def test_every_question_is_asked_about_every_video_of_a_folder(folder):
    requests = list(find_requests(["inside", "."], ["What?", "Who?"], recursive=False))
    assert [(request.video, request.question) for request in requests] == [
        (video, question) for video in ("inside/c.webm", "a.mp4", "b.MKV") for question in ("What?", "Who?")
    ]
    assert videos_in(Path("."), recursive=True) == ["a.mp4", "b.MKV", "inside/c.webm"]


@pytest.mark.parametrize(("name", "recursive"), [("empty", False), ("empty", True)])
def test_a_folder_without_videos_is_an_error(folder, name, recursive):
    with pytest.raises(ValueError, match="empty: no videos in this folder" + ("" if recursive else "; --recursive")):
        list(find_requests([name], ["What?"], recursive=recursive))


def test_a_video_without_a_question_is_bad_usage(folder):
    with pytest.raises(BadUsage, match=r"no question about a\.mp4"):
        list(find_requests(["a.mp4"], [], recursive=False))


def test_a_file_of_requests(folder):
    path = folder / "inside" / "requests.jsonl"
    lines = [
        {"video": "c.webm", "question": "What?", "id": 7},
        {"video": "https://example.org/x", "question": "Who?", "start_seconds": 1.5, "num_frames": 8, "id": None},
        {"video": "../a.mp4"},
        {"video": "../a.mp4", "question": "Who?", "subtitles": "a.srt"},
        {"video": "../a.mp4", "question": "Who?", "subtitles": "track"},
    ]
    path.write_text("".join(json.dumps(line) + "\n\n" for line in lines))
    assert list(find_requests([str(path)], ["One?", "Two?"], recursive=False)) == [
        Request("c.webm", "What?", 7, {}, str(folder / "inside" / "c.webm")),
        Request(
            "https://example.org/x", "Who?", None, {"num_frames": 8, "start_seconds": 1.5}, "https://example.org/x"
        ),
        Request("../a.mp4", "One?", None, {}, str(folder / "inside" / "../a.mp4")),
        Request("../a.mp4", "Two?", None, {}, str(folder / "inside" / "../a.mp4")),
        Request(
            *("../a.mp4", "Who?", None, {"subtitles": "a.srt"}, str(folder / "inside" / "../a.mp4")),
            str(folder / "inside" / "a.srt"),
        ),
        Request("../a.mp4", "Who?", None, {"subtitles": "track"}, str(folder / "inside" / "../a.mp4")),
    ]


def test_subtitles_of_a_request_are_arguments_of_the_pipeline():
    assert Request("a.mp4", "Who?", options={"subtitles": "a.srt"}, subtitles="x/a.srt").arguments() == {
        "subtitles": "x/a.srt"
    }
    assert Request("a.mp4", "Who?", options={"subtitles": "track"}).arguments() == {"subtitles": True}
    assert Request("a.mp4", "Who?", options={"fps": 1}).arguments() == {"fps": 1}


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"video": "a.mp4"', "line 2 is not JSON"),
        ('["a.mp4"]', "record 2 is not a JSON object"),
        ('{"question": "What?"}', 'line 2: "video" must be a path or a URL, not None'),
        ('{"video": 3, "question": "What?"}', 'line 2: "video" must be a path or a URL, not 3'),
        ('{"video": "a.mp4"}', 'line 2: "question" is missing'),
        ('{"video": "a.mp4", "question": ["What?"]}', r'line 2: "question" must be a text, not \[\'What\?\'\]'),
        ('{"video": "a.mp4", "question": "What?", "answer": "x"}', "line 2: 'answer' is not a field of a request"),
        ('{"video": "a.mp4", "question": "What?", "id": 1.5}', 'line 2: "id" must be'),
        ('{"video": "a.mp4", "question": "What?", "subtitles": true}', 'line 2: "subtitles" must be a path, a URL or'),
        ('{"video": "a.mp4", "question": "What?", "num_frames": true}', 'line 2: "num_frames" must be'),
        ('{"video": "a.mp4", "question": "What?", "num_frames": 0}', 'line 2: "num_frames" must be'),
        ('{"video": "a.mp4", "question": "What?", "fps": 0}', 'line 2: "fps" must be'),
        ('{"video": "a.mp4", "question": "What?", "start_seconds": -1}', 'line 2: "start_seconds" must be'),
        ('{"video": "a.mp4", "question": "What?", "end_seconds": "1"}', 'line 2: "end_seconds" must be'),
    ],
)
def test_a_line_that_is_no_request_is_named(folder, line, message):
    path = folder / "requests.jsonl"
    path.write_text('{"video": "a.mp4", "question": "What?"}\n' + line + "\n")
    with pytest.raises(ValueError, match=message):
        list(read_requests(path, []))
