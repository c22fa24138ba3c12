"""Records in LLaVA's format become chats."""

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


@pytest.mark.parametrize("path", ["/data/dog.mp4", "https://example.org/dog.mp4"])
def test_absolute_paths_and_urls_stay(path):
    given = record("a", "<video>\nWhat?", "A dog.", video=path)
    assert chat(given)[0]["content"][0]["path"] == path


def test_a_caption_is_the_picture_and_what_the_assistant_says():
    given = record("a", "Render a clear summary.\n<image>", "a dog", image="dog.jpg")
    assert chat(given, template="caption") == [
        {"role": "user", "content": [{"type": "image", "path": "media/dog.jpg"}]},
        {"role": "assistant", "content": [text("a dog")]},
    ]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (record("a", "What happens?", "A dog.", video="dog.mp4"), "'a' has 0 placeholders .* for 1 files"),
        (record("a", "<image>\n<image>\nWhat?", "A dog.", image="dog.png"), "2 placeholders .* for 1 files"),
        (record("a", "<image>\nWhat?", "A dog."), "1 placeholders .* for 0 files"),
        (record("a", "What?"), "no answer"),
        (record("a", "<image>\nWhat?", "A dog.", image="a.png", video="a.mp4"), "both an image and a video"),
        ({"id": "a", "conversations": [{"from": "robot", "value": "x"}]}, "'robot'"),
        ({"id": "a", "conversations": [{"from": "gpt", "value": None}]}, "text is None"),
        ({"id": "a"}, "no answer"),
        ({"id": "a", "conversations": ["Hello"]}, "turns that are not a list of objects"),
        ({"id": "a", "conversations": {"from": "gpt"}}, "turns that are not a list of objects"),
        (record("a", "<image>\nWhat?", "A dog.", image=[3]), r"\[3\] for its image: it must be a path"),
        (record("a", "<image>\nWhat?", "A dog.", image={"path": "a.png"}), "for its image: it must be a path"),
    ],
)
def test_what_cannot_be_trained_on_is_named(given, message):
    with pytest.raises(RecordError, match="file: record 'a'") as caught:
        chat(given)
    assert caught.match(message)
