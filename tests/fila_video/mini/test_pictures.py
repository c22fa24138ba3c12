"""Captions, questions and answers about pictures are true."""

import json

import numpy as np
from PIL import Image

from fila_video.mini.pictures import draw_pictures
from fila_video.training.data.records import chat_of
from fila_video.world.vocabulary import BACKGROUND_COLOURS, OBJECT_COLOURS


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
