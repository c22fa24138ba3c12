"""The training data for words: conversations without videos."""

import json

from fila_video.mini.words import write_words
from fila_video.training.data.records import chat_of


def test_words_are_questions_without_their_video(tmp_path):
    records = json.loads(write_words(tmp_path / "words.json", 10, seed=0).read_text(encoding="utf-8"))
    assert len({record["id"] for record in records}) == 10
    rows = [chat_of(record, folder=str(tmp_path), source="words") for record in records]
    assert all(row["modality"] == "text" and len(row["messages"]) == 2 for row in rows)
