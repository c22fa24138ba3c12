"""Training data for the stages on images: frames of the drawn world, with captions and questions."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from fila_video.common.files import write_text
from fila_video.world.draw_frame import draw_frame
from fila_video.world.draw_video import draw_video
from fila_video.world.ground_truth import FRAMES_PER_SECOND, Video
from fila_video.world.question_types import listed
from fila_video.world.questions import Question, ask
from fila_video.world.splits import has_held_out
from fila_video.world.world_options import WorldOptions


# A video with a single scene serves as a picture with its ground truth.
ONE_SCENE = WorldOptions(scenes=(1, 1), seconds=(4.0, 4.0), pair_probability=0.4)
TYPES = ("existence", "count_objects", "shape", "colour", "background", "texture", "first")
# Types whose wordings speak of scenes have wordings of their own for pictures.
WORDINGS_FOR_PICTURES = {"first": ("What is in the picture?", "What does the picture show?")}


def draw_pictures(folder: Path, count: int, *, seed: int) -> dict[str, Path]:
    """
    Draws pictures, and writes records about them in LLaVA's format.

    Args:
        folder: Folder to write.
        count: Number of pictures.
        seed: Random seed.

    Returns:
        The files of records: `"captions"` for the alignment, `"questions"` for the later stages.
    """
    (folder / "pictures").mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng([seed, 7])
    captions: list[dict[str, Any]] = []
    questions: list[dict[str, Any]] = []
    while len(captions) < count:
        video = draw_video(rng, ONE_SCENE)
        scene = video.scenes[0]
        if has_held_out(video) or any(item.enter_seconds > 0 for item in scene.objects):
            continue
        name = f"pictures/{len(captions):06d}.png"
        seconds = rng.integers(0, round(video.duration_seconds * FRAMES_PER_SECOND)) / FRAMES_PER_SECOND
        Image.fromarray(draw_frame(video, seconds)).save(folder / name)
        caption = f"{listed(scene.objects)} on {scene.texture} {scene.background}"
        captions.append(_record(name, [("What is in the picture?", caption)]))
        questions.append(_record(name, [(question.text, question.answer) for question in _questions(video, rng)]))
    return {
        "captions": _write(folder / "captions.json", captions),
        "questions": _write(folder / "questions.json", questions),
    }


def _questions(video: Video, rng: np.random.Generator) -> list[Question]:
    """A question of each type that the picture has, in words that speak of a picture instead of a video."""
    found = []
    for question_type in map(str, rng.permutation(TYPES)):
        question = ask(video, question_type, rng)
        if question is None:
            continue
        text = question.text.replace("in the video", "in the picture").replace("the video", "the picture")
        if question_type in WORDINGS_FOR_PICTURES:
            text = str(rng.choice(WORDINGS_FOR_PICTURES[question_type]))
        found.append(Question(question.type, text, question.answer))
    return found


def _record(name: str, turns: list[tuple[str, str]]) -> dict[str, Any]:
    conversations = [
        {"from": speaker, "value": text} for turn in turns for speaker, text in zip(("human", "gpt"), turn, strict=True)
    ]
    conversations[0]["value"] = f"<image>\n{conversations[0]['value']}"
    return {"id": Path(name).stem, "image": name, "conversations": conversations}


def _write(path: Path, records: list[dict[str, Any]]) -> Path:
    write_text(path, json.dumps(records))
    return path
