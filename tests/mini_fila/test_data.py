"""Pictures and words that the first stages train on: what they say is so."""

import json

import numpy as np
from PIL import Image

from evaluation_fila.vocabulary import BACKGROUND_COLOURS, OBJECT_COLOURS
from mini_fila.pictures import draw_pictures
from mini_fila.words import write_words
from training_fila.records import chat_of


def test_captions_and_answers_are_of_the_picture(tmp_path):
    found = draw_pictures(tmp_path, 24, seed=0)
    captions, questions = (json.loads(found[name].read_text(encoding="utf-8")) for name in ("captions", "questions"))
    assert len(captions) == len(questions) == 24
    for caption, asked in zip(captions, questions, strict=True):
        assert caption["image"] == asked["image"]
        words = caption["conversations"][1]["value"].replace(" and ", " ").split()
        objects, background = [word for word in words if word in OBJECT_COLOURS], words[-1]
        picture = np.asarray(Image.open(tmp_path / caption["image"]), float)
        assert colours_of(picture, OBJECT_COLOURS) == set(objects)
        assert background in BACKGROUND_COLOURS
        answers = {turn["value"] for turn in asked["conversations"][1::2]}
        assert str(len(objects)) in answers and answers & {"yes", "no"}
        assert not any("video" in turn["value"] for turn in asked["conversations"][::2])
        chat_of(asked, folder=str(tmp_path), source="questions")


def colours_of(picture: np.ndarray, palette: dict) -> set[str]:
    """Names of the colours that many pixels have exactly."""
    return {name for name, colour in palette.items() if (abs(picture - colour).max(-1) == 0).sum() > 40}


def test_words_are_questions_without_their_video(tmp_path):
    records = json.loads(write_words(tmp_path / "words.json", 10, seed=0).read_text(encoding="utf-8"))
    assert len({record["id"] for record in records}) == 10
    rows = [chat_of(record, folder=str(tmp_path), source="words") for record in records]
    assert all(row["modality"] == "text" and len(row["messages"]) == 2 for row in rows)
