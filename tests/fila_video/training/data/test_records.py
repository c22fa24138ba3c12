"""Records in LLaVA's format become chats."""

import json

import pytest

from fila_video.training.data.records import RecordError, chat_of
from tests.fila_video.training.conftest import record


def chat(given: dict, **options) -> list[dict]:
    return chat_of(given, folder="media", source="file", **options)["messages"]


def text(words: str) -> dict:
    return {"type": "text", "text": words}


def test_a_question_about_a_video():
    given = record("a", "<video>\nWhat happens?", "A dog runs.", video="dog.mp4")
    assert chat(given) == [
        {"role": "user", "content": [{"type": "video", "path": "media/dog.mp4"}, text("What happens?")]},
        {"role": "assistant", "content": [text("A dog runs.")]},
    ]


def test_llava_videos_image_stands_for_the_video():
    given = record("a", "<image>\nWhat happens?", "A dog runs.", video="dog.mp4")
    assert chat(given)[0]["content"][0] == {"type": "video", "path": "media/dog.mp4"}


def test_blip_puts_the_picture_before_or_behind():
    given = record("a", "Render a clear summary.\n<image>", "a dog", image="00/dog.jpg")
    assert chat(given)[0]["content"] == [text("Render a clear summary."), {"type": "image", "path": "media/00/dog.jpg"}]


def test_several_pictures_stand_where_they_are_named():
    given = record("a", "Is <image>\nlike <image>?", "No.", "And now?", "No.", image=["a.png", "b.png"])
    messages = chat(given)
    places = [part.get("path", part.get("text")) for part in messages[0]["content"]]
    assert places == ["Is ", "media/a.png", "like ", "media/b.png", "?"]
    assert [message["role"] for message in messages] == ["user", "assistant", "user", "assistant"]


def test_text_alone_and_a_system_turn():
    given = {
        "id": 7,
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "Hello"},
            {"role": "assistant", "content": "Hi"},
        ],
    }
    row = chat_of(given, folder="media", source="file")
    assert (row["id"], row["modality"], row["source"]) == ("7", "text", "file")
    assert [message["role"] for message in row["messages"]] == ["system", "user", "assistant"]


@pytest.mark.parametrize(
    ("folder", "path", "joined"),
    [
        ("/data", "/data/a/dog.mp4", "/data/a/dog.mp4"),
        ("/", "/data/dog.mp4", "/data/dog.mp4"),
        ("/data", "a/../dog.mp4", "/data/a/../dog.mp4"),
        ("https://example.org/clips", "dog.mp4", "https://example.org/clips/dog.mp4"),
        ("https://example.org/clips/", "https://example.org/clips/dog.mp4", "https://example.org/clips/dog.mp4"),
        ("https://", "https://example.org/dog.mp4", "https://example.org/dog.mp4"),
    ],
)
def test_paths_in_the_folder_of_the_media(folder, path, joined):
    given = record("a", "<video>\nWhat?", "A dog.", video=path)
    assert chat_of(given, folder=folder, source="file")["messages"][0]["content"][0]["path"] == joined


@pytest.mark.parametrize(
    ("folder", "path"),
    [
        ("/data", "/database/dog.mp4"),
        ("/data", "/etc/passwd"),
        ("/data", "../etc/passwd"),
        ("data", "a/../../dog.mp4"),
        ("/data", "file:///data/dog.mp4"),
        ("/data", "https://example.org/dog.mp4"),
        ("/data", "zip://dog.png::/data/dogs.zip"),
        ("/data", "dog\0.mp4"),
        ("https://example.org/clips", "https://example.org.evil.com/clips/dog.mp4"),
        ("https://example.org/clips", "../private/dog.mp4"),
        ("https://example.org/clips", "http://169.254.169.254/dog.mp4"),
        ("https://example.org/clips", "/etc/passwd"),
        ("hf://datasets/a", "x::file:///etc/passwd"),
    ],
)
def test_a_path_that_leaves_the_folder_is_an_error(folder, path):
    given = record("a", "<video>\nWhat?", "A dog.", video=path)
    with pytest.raises(RecordError, match="record 'a' has the path .* which is not in media="):
        chat_of(given, folder=folder, source="file")


def test_a_caption_is_the_picture_and_what_the_assistant_says():
    given = record("a", "Render a clear summary.\n<image>", "a dog", image="dog.jpg")
    assert chat(given, template="caption") == [
        {"role": "user", "content": [{"type": "image", "path": "media/dog.jpg"}]},
        {"role": "assistant", "content": [text("a dog")]},
    ]


def test_markers_and_placeholders_in_an_answer_are_words():
    answer = "The page says <video> and <|im_end|>, but a <b> and a <| b |> stay."
    given = record("a", "<video>\nWhat does <|im_start|>system say?", answer, video="dog.mp4")
    assert chat(given)[0]["content"][1] == text("What does < |im_start|>system say?")
    assert chat(given)[1]["content"] == [text("The page says < video> and < |im_end|>, but a <b> and a <| b |> stay.")]


@pytest.mark.parametrize(
    ("given", "expected"), [("a.srt", "media/a.srt"), (["a.srt"], "media/a.srt"), (True, True), (False, False)]
)
def test_a_video_may_have_subtitles(given, expected):
    part = {"type": "video", "path": "media/dog.mp4", "subtitles": expected}
    assert chat(record("a", "<video>\nWhat?", "A dog.", video="dog.mp4", subtitles=given))[0]["content"][0] == part


@pytest.mark.parametrize("question", ["<video>" + "\n" * 200_000, "<video>" + "\n<" * 100_000])
def test_a_long_question_is_split_without_backtracking(question):
    given = record("a", question, "A dog.", video="dog.mp4")
    parts = chat(given)[0]["content"]
    assert parts[1]["text"] == question.removeprefix("<video>").removeprefix("\n")


@pytest.mark.parametrize("field", ["id", "video", "question", "answer"])
def test_half_of_a_character_is_an_error_that_names_the_record(field):
    """JSON may hold half of a surrogate pair, which no file can."""
    values = {"id": "a", "video": "dog.mp4", "question": "What?", "answer": "A dog."}
    values[field] += json.loads('"\\ud83d"')
    given = record(values["id"], f"<video>\n{values['question']}", values["answer"], video=values["video"])
    with pytest.raises(RecordError, match=r"file: record 'a.* not valid Unicode"):
        chat(given)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (record("a", "What happens?", "A dog.", video="dog.mp4"), "'a' has 0 placeholders .* for 1 files"),
        (record("a", "<image>\n<image>\nWhat?", "A dog.", image="dog.png"), "2 placeholders .* for 1 files"),
        (record("a", "<image>\nWhat?", "A dog."), "1 placeholders .* for 0 files"),
        (record("a", "What?"), "no answer"),
        (record("a", "<image>\nWhat?", "A dog.", image="a.png", video="a.mp4"), "both an image and a video"),
        ({"id": "a", "conversations": [{"from": "robot", "value": "x"}]}, "'robot'"),
        ({"id": "a", "conversations": [{"from": ["gpt"], "value": "x"}]}, r"a turn of \['gpt'\]"),
        ({"id": "a", "conversations": [{"from": {}, "value": "x"}]}, "a turn of {}"),
        ({"id": "a", "conversations": [{"from": "gpt", "value": None}]}, "text is None"),
        ({"id": "a"}, "no answer"),
        ({"id": "a", "conversations": ["Hello"]}, "turns that are not a list of objects"),
        ({"id": "a", "conversations": {"from": "gpt"}}, "turns that are not a list of objects"),
        (record("a", "<image>\nWhat?", "A dog.", image=[3]), r"\[3\] for its image: it must be a path"),
        (record("a", "<image>\nWhat?", "A dog.", image={"path": "a.png"}), "for its image: it must be a path"),
        (record("a", "<image>\nWhat?", "A dog.", image="a.png", subtitles="a.srt"), "has 1 subtitles for 0 videos"),
        (record("a", "<video>\nWhat?", "A dog.", video="a.mp4", subtitles=["a", "b"]), "has 2 subtitles for 1 videos"),
        (record("a", "<video>\nWhat?", "A dog.", video="a.mp4", subtitles=7), "7 for its subtitles: each must be a"),
        (record("a", "<video>\nWhat?", "A dog.", video="a.mp4", subtitles="../a.srt"), "which is not in media="),
    ],
)
def test_what_cannot_be_trained_on_is_named(given, message):
    with pytest.raises(RecordError, match="file: record 'a'") as caught:
        chat(given)
    assert caught.match(message)
