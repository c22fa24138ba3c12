"""What the stages of images are trained on: frames of the drawn world, with captions and questions."""

import json
from pathlib import Path

import numpy as np
from PIL import Image

from dataset_fila.files import write_text
from evaluation_fila.drawing import draw_frame
from evaluation_fila.questions import Question, ask, listed
from evaluation_fila.splits import has_held_out
from evaluation_fila.world import Video, WorldOptions, draw_video


# A video of one scene, short enough for no object to be late, is a picture with its ground truth.
ONE_SCENE = WorldOptions(scenes=(1, 1), seconds=(4.0, 4.0), pair_probability=0.4)
TYPES = ("existence", "count_objects", "shape", "colour", "background", "texture", "first")
ASKED_OF_PICTURES = {"first": ("What is in the picture?", "What does the picture show?")}


def draw_pictures(folder: Path, count: int, *, seed: int) -> dict[str, Path]:
    """
    Writes pictures and records in LLaVA's format.

    Returns:
        the files of records: `"captions"` for the alignment, `"questions"` for the stages after it.
    """
    (folder / "pictures").mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng([seed, 7])
    captions, questions = [], []
    while len(captions) < count:
        video = draw_video(rng, ONE_SCENE)
        scene = video.scenes[0]
        if has_held_out(video) or any(item.enter_seconds > 0 for item in scene.objects):
            continue
        name = f"pictures/{len(captions):06d}.png"
        seconds = rng.integers(0, round(video.duration_seconds * 10)) / 10
        Image.fromarray(draw_frame(video, seconds)).save(folder / name)
        caption = f"{listed(scene.objects)} on {scene.texture} {scene.background}"
        captions.append(_record(name, [("What is in the picture?", caption)]))
        questions.append(_record(name, [(question.text, question.answer) for question in _questions(video, rng)]))
    return {
        "captions": _write(folder / "captions.json", captions),
        "questions": _write(folder / "questions.json", questions),
    }


def _questions(video: Video, rng: np.random.Generator) -> list[Question]:
    found = []
    for question_type in rng.permutation(TYPES):
        question = ask(video, str(question_type), rng)
        if question is None:
            continue
        text = question.text.replace("in the video", "in the picture").replace("the video", "the picture")
        if question_type in ASKED_OF_PICTURES:
            text = str(rng.choice(ASKED_OF_PICTURES[question_type]))
        found.append(Question(question.type, text, question.answer))
    return found


def _record(name: str, turns: list[tuple[str, str]]) -> dict:
    conversations = [
        {"from": speaker, "value": text} for turn in turns for speaker, text in zip(("human", "gpt"), turn, strict=True)
    ]
    conversations[0]["value"] = f"<image>\n{conversations[0]['value']}"
    return {"id": Path(name).stem, "image": name, "conversations": conversations}


def _write(path: Path, records: list[dict]) -> Path:
    write_text(path, json.dumps(records))
    return path
