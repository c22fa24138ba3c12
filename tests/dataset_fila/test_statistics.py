"""Numbers of the table, by hand, and plots that show what they should."""

import json

import numpy as np
import pytest
from PIL import Image

from dataset_fila.__main__ import main
from dataset_fila.statistics import DatasetSummary, summarise, table
from tests.clips import draw_clip
from tests.dataset_fila.coded_clips import write_lines


def sample(name: str, seconds: float, captions: list[str]) -> dict:
    return {"id": name, "video": f"{name}.mp4", "duration": seconds, "scenes": [{"caption": text} for text in captions]}


@pytest.fixture
def dataset(tmp_path):
    folder = tmp_path / "two"
    folder.mkdir()
    lines = [sample("a", 400, ["one two three", "four"]), sample("b", 1400, ["five six"])]
    write_lines(folder / "captions.jsonl", lines)
    return folder


def test_the_table_has_the_papers_numbers_below_ours(dataset):
    assert summarise(dataset) == DatasetSummary("two", [400, 1400], [4, 2], [2, 1])
    assert table(summarise(dataset)).splitlines()[2:] == [
        "| two | 2 | 3.0 | 900.0 | 0.5 | 3 |",
        "| the paper's | 40,000 | 4,967 | 666.9 | 7,410 | - |",
    ]


def test_a_plain_llava_file_is_measured_by_opening_its_videos(tmp_path):
    draw_clip(tmp_path / "v.mp4", seconds=3)
    turns = [{"from": "human", "value": "<image>\nWhat?"}, {"from": "gpt", "value": "A dog runs away."}]
    timed = [turns[0], {"from": "gpt", "value": "0.00 - 1.00: A dog.\n1.00 - 3.00: It runs away."}]
    path = tmp_path / "plain.json"
    path.write_text(
        json.dumps([{"video": "v.mp4", "conversations": turns}, {"video": "v.mp4", "conversations": timed}])
    )
    summary = summarise(path)
    assert summary.seconds == [3, 3] and summary.words == [4, 5] and summary.scenes == [1, 2]


def test_stats_writes_table_numbers_and_plots(dataset, capsys):
    assert main(["stats", str(dataset)]) == 0
    assert "| two | 2 | 3.0 | 900.0 | 0.5 | 3 |" in capsys.readouterr().out
    folder = dataset / "statistics"
    assert json.loads((folder / "statistics.json").read_text())["total_hours"] == 0.5
    bars, papers_line = (0x48, 0x78, 0xA8), (0xC8, 0x55, 0x3D)
    # The paper's 666.9 s are among our durations; its 4967 words are far off, and do not squeeze our bars.
    for name, colours in (("duration.png", (bars, papers_line)), ("caption_words.png", (bars,))):
        picture = np.asarray(Image.open(folder / name).convert("RGB")).reshape(-1, 3)
        assert picture.shape[0] == 1050 * 600
        for colour in colours:
            assert (picture == colour).all(axis=1).sum() > 250


def test_stats_of_nothing_is_an_error_in_one_line(tmp_path, capsys):
    assert main(["stats", str(tmp_path)]) == 2
    assert capsys.readouterr().err.strip().endswith("has neither captions.jsonl nor captions.json.")
