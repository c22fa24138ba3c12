"""Draws the training data of `make train-demo`: images and clips of colored discs, with records in LLaVA's format."""

import json
import random
from pathlib import Path

from disc_clips import disc_picture, write_disc_clip
from PIL import Image


COLORS = {
    "red": (200, 60, 50),
    "blue": (40, 90, 200),
    "green": (50, 150, 80),
    "yellow": (250, 220, 60),
    "white": (255, 255, 255),
    "black": (30, 30, 30),
}
QUESTION = "Which colors does the disc have, in order?"


def draw_training_data(folder: Path, *, num_images: int, num_clips: int, seed: int = 0) -> dict[str, Path]:
    """
    Writes images, clips and records.

    Args:
        folder: Folder to write to.
        num_images: Number of images.
        num_clips: Number of clips.
        seed: Random seed; a different seed draws different images and clips.

    Returns:
        The file of records for each stage.
    """
    rng = random.Random(seed)
    images = [_make_image(folder / f"image_{number}.png", rng) for number in range(num_images)]
    clips = [_make_clip(folder / f"clip_{number}.mp4", rng) for number in range(num_clips)]
    records = {
        "alignment": [_record(path, "image", ("Describe it briefly.", _caption(*disc))) for path, disc in images],
        "knowledge_injection": [
            _record(path, "image", ("What do you see?", f"There is {_caption(*disc)}.")) for path, disc in images
        ],
        "image_instruction": [_record(path, "image", *_color_questions(*disc)) for path, disc in images],
        "video_instruction": [_record(path, "video", (QUESTION, ", ".join(discs))) for path, discs in clips],
    }
    return {stage: _write(folder / f"{stage}.json", samples) for stage, samples in records.items()}


def _make_image(path: Path, rng: random.Random) -> tuple[Path, tuple[str, str]]:
    disc, background = rng.sample(sorted(COLORS), 2)
    Image.fromarray(disc_picture(COLORS[background], COLORS[disc], progress=rng.random())).save(path)
    return path, (disc, background)


def _make_clip(path: Path, rng: random.Random) -> tuple[Path, list[str]]:
    discs = rng.sample(sorted(COLORS), 3)
    backgrounds = [rng.choice([name for name in COLORS if name != disc]) for disc in discs]
    write_disc_clip(
        path,
        [
            (rng.choice([1.0, 2.0, 3.0]), COLORS[background], COLORS[disc])
            for disc, background in zip(discs, backgrounds, strict=True)
        ],
    )
    return path, discs


def _caption(disc: str, background: str) -> str:
    return f"a {disc} disc on a {background} background"


def _color_questions(disc: str, background: str) -> tuple[tuple[str, str], ...]:
    return ("What color is the disc?", f"It is {disc}."), ("And the background?", f"It is {background}.")


def _record(path: Path, kind: str, *turns: tuple[str, str]) -> dict:
    conversations = [
        {"from": speaker, "value": text} for turn in turns for speaker, text in zip(("human", "gpt"), turn, strict=True)
    ]
    conversations[0]["value"] = f"<{kind}>\n{conversations[0]['value']}"
    return {"id": path.stem, kind: path.name, "conversations": conversations}


def _write(path: Path, samples: list[dict]) -> Path:
    path.write_text(json.dumps(samples, indent=1), encoding="utf-8")
    return path
