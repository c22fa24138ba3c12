"""Messages and settings of lmms-eval's tasks, as the pipeline takes them."""

import sys

import pytest

from fila_video.evaluation.benchmarks.questions import (
    Question,
    UnreadableDocument,
    by_video,
    conversation_of,
    ended,
    generation_of,
    make_messages,
    video_of,
)


def question(place: int, video: str = "a.mp4", text: str = "What?", **fields) -> Question:
    content = [{"type": "video", "video": video}, {"type": "text", "text": text}]
    return Question(place, "task", place, [{"role": "user", "content": content}], video, **fields)


def test_messages_keep_roles_texts_and_videos():
    content = [{"type": "video", "url": "a.mp4"}, {"type": "text", "text": "What?"}]
    conversation = conversation_of([{"role": "user", "content": content}])
    assert conversation == question(0).messages
    assert video_of(conversation) == "a.mp4"


@pytest.mark.parametrize(
    "part",
    [
        {"type": "audio", "url": "a.wav"},
        {"type": "video", "url": {"url": "a.mp4", "video_start": 3}},
        {"type": "video", "url": "a.mp4", "end_time": 3.0},
    ],
)
def test_other_parts_are_refused_by_name(part):
    with pytest.raises(ValueError, match="whole videos"):
        conversation_of([{"role": "user", "content": [part]}])


def test_a_task_that_ends_the_program_makes_a_named_failure():
    with pytest.raises(UnreadableDocument, match="video path: x does not exist"):
        make_messages(lambda doc: sys.exit("video path: x does not exist"), {})


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (
            {"max_new_tokens": 16, "temperature": 0, "top_p": 1.0, "num_beams": 1, "do_sample": False},
            {"max_new_tokens": 16, "num_beams": 1, "do_sample": False},
        ),
        ({"until": ["\n\n"]}, {"do_sample": False}),
        ({"do_sample": True, "temperature": 0.2}, {"do_sample": True, "temperature": 0.2}),
        ({"do_sample": True, "temperature": 0}, {"do_sample": False}),
    ],
)
def test_settings_of_a_task(given, expected):
    assert generation_of(given)[0] == expected


@pytest.mark.parametrize(
    ("text", "until", "expected"),
    [("B\n\nbecause", ("\n\n",), "B"), ("\n\nB", ("\n\n",), "\n\nB"), ("A, B", (",", " "), "A"), ("B", (), "B")],
)
def test_an_answer_ends_before_the_first_end(text, until, expected):
    assert ended(text, until) == expected


def test_questions_about_a_video_are_together_and_equal_settings_are_neighbors():
    short, long = {"max_new_tokens": 4}, {"max_new_tokens": 9}
    asked = [
        question(0, "b.mp4", generation=short),
        question(1, "a.mp4", generation=long),
        question(2, "b.mp4", generation=long),
        question(3, "a.mp4", generation=short),
        question(4, "a.mp4", generation=long),
    ]
    assert [[each.place for each in group] for group in by_video(asked)] == [[3], [1, 4], [0], [2]]


def test_the_digest_follows_prompt_settings_and_file(tmp_path):
    video = tmp_path / "a.mp4"
    video.write_bytes(b"one")
    first = question(0, str(video))
    assert question(7, str(video)).digest() == first.digest()
    others = [
        question(0, str(video), "Why?"),
        question(0, str(video), generation={"max_new_tokens": 1}),
        question(0, str(video), continuations=("A",)),
    ]
    before = first.digest()
    video.write_bytes(b"another")
    assert len({before, *(other.digest() for other in others), first.digest()}) == 5
