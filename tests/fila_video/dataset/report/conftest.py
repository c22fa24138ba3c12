"""A dataset of two videos, as a file of annotations without videos."""

import pytest

from tests.fila_video.dataset.coded_clips import write_lines


def sample(name: str, seconds: float, captions: list[str]) -> dict:
    return {"id": name, "video": f"{name}.mp4", "duration": seconds, "scenes": [{"caption": text} for text in captions]}


@pytest.fixture
def two_videos(tmp_path):
    folder = tmp_path / "two"
    folder.mkdir()
    lines = [sample("a", 400, ["one two three", "four"]), sample("b", 1400, ["five six"])]
    write_lines(folder / "captions.jsonl", lines)
    return folder
