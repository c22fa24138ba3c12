"""Draws what `make train-demo` trains on: pictures and clips of coloured discs, in LLaVA's format."""

import json
import random
from pathlib import Path

from draw_clip import draw_clip, draw_frame
from PIL import Image


COLOURS = {
    "red": (200, 60, 50),
    "blue": (40, 90, 200),
    "green": (50, 150, 80),
    "yellow": (250, 220, 60),
    "white": (255, 255, 255),
    "black": (30, 30, 30),
}


def draw_training_data(folder: Path, *, num_images: int, num_clips: int, seed: int = 0) -> dict[str, Path]:
    """
    Writes media and records.

    Returns:
        the file of records for each stage.
    """
    rng = random.Random(seed)
    images = [_draw_image(folder / f"image_{number}.png", rng) for number in range(num_images)]
    clips = [_draw_clip(folder / f"clip_{number}.mp4", rng) for number in range(num_clips)]
    records = {
        "alignment": [_record(path, "image", ("Describe it briefly.", _caption(*disc))) for path, disc in images],
        "knowledge_injection": [
            _record(path, "image", ("What do you see?", f"There is {_caption(*disc)}.")) for path, disc in images
        ],
        "image_instruction": [_record(path, "image", *_colour_questions(*disc)) for path, disc in images],
        "video_instruction": [
            _record(path, "video", ("Which colours does the disc have, in order?", ", ".join(discs)))
            for path, discs in clips
        ],
    }
    return {stage: _write(folder / f"{stage}.json", samples) for stage, samples in records.items()}


def _draw_image(path: Path, rng: random.Random) -> tuple[Path, tuple[str, str]]:
    disc, background = rng.sample(sorted(COLOURS), 2)
    Image.fromarray(draw_frame(COLOURS[background], COLOURS[disc], progress=rng.random())).save(path)
    return path, (disc, background)


def _draw_clip(path: Path, rng: random.Random) -> tuple[Path, list[str]]:
    discs = rng.sample(sorted(COLOURS), 3)
    backgrounds = [rng.choice([name for name in COLOURS if name != disc]) for disc in discs]
    draw_clip(
        path,
        [
            (rng.choice([1.0, 2.0, 3.0]), COLOURS[background], COLOURS[disc])
            for disc, background in zip(discs, backgrounds, strict=True)
        ],
    )
    return path, discs


def _caption(disc: str, background: str) -> str:
    return f"a {disc} disc on a {background} background"


def _colour_questions(disc: str, background: str) -> tuple[tuple[str, str], ...]:
    return ("What colour is the disc?", f"It is {disc}."), ("And the background?", f"It is {background}.")


def _record(path: Path, kind: str, *turns: tuple[str, str]) -> dict:
    conversations = [
        {"from": speaker, "value": text} for turn in turns for speaker, text in zip(("human", "gpt"), turn, strict=True)
    ]
    conversations[0]["value"] = f"<{kind}>\n{conversations[0]['value']}"
    return {"id": path.stem, kind: path.name, "conversations": conversations}


def _write(path: Path, samples: list[dict]) -> Path:
    path.write_text(json.dumps(samples, indent=1), encoding="utf-8")
    return path
