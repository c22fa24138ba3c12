"""Fixtures for the tests of training: a tiny checkpoint, drawn media and records about them."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fila_video.conversion import write_scratch_checkpoint
from processing_fila import FilaVideoProcessor
from tests.clips import draw_clip


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("training") / "tiny"
    write_scratch_checkpoint("tiny", folder)
    return folder


@pytest.fixture(scope="session")
def processor(checkpoint) -> FilaVideoProcessor:
    return FilaVideoProcessor.from_pretrained(checkpoint)


@pytest.fixture(scope="session")
def media(tmp_path_factory) -> Path:
    """A folder with images 0.png to 7.png, clips 0.mp4 to 3.mp4 of 4 to 7 frames, and broken files."""
    folder = tmp_path_factory.mktemp("media")
    rng = np.random.default_rng(0)
    for number in range(8):
        pixels = rng.integers(0, 256, (48 + number, 64, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.png")
    for number in range(4):
        draw_clip(folder / f"{number}.mp4", seconds=4 + number, fps=1)
    whole = (folder / "0.mp4").read_bytes()
    (folder / "broken.mp4").write_bytes(whole[:40] + bytes(len(whole) - 40))
    (folder / "empty.png").write_bytes(b"")
    return folder


def write_records(path: Path, records: list[dict]) -> Path:
    path.write_text(json.dumps(records), encoding="utf-8")
    return path


def record(name: str, *turns: str, **media: str | list[str]) -> dict:
    """Makes a record in LLaVA's format; the turns alternate between user and assistant."""
    speakers = ("human", "gpt")
    conversations = [{"from": speakers[place % 2], "value": text} for place, text in enumerate(turns)]
    return {"id": name, **media, "conversations": conversations}


@pytest.fixture(scope="session")
def image_records(media) -> Path:
    records = [record(f"image-{n}", "<image>\nWhat is it?", f"Picture number {n}.", image=f"{n}.png") for n in range(8)]
    return write_records(media / "images.json", records)


@pytest.fixture(scope="session")
def video_records(media) -> Path:
    records = [record(f"video-{n}", "<video>\nWhat happens?", f"Clip number {n}.", video=f"{n}.mp4") for n in range(4)]
    return write_records(media / "videos.json", records)
