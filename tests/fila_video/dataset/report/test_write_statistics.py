"""The command `stats` writes the table, its numbers, and plots that show them."""

import json

import numpy as np
from PIL import Image

from fila_video.dataset.__main__ import main
from tests.tables import unpadded


def test_stats_writes_table_numbers_and_plots(two_videos, capsys):
    assert main(["stats", str(two_videos)]) == 0
    assert "| two | 2 | 3.0 | 900.0 | 0.5 | 3 |" in unpadded(capsys.readouterr().out)
    folder = two_videos / "statistics"
    assert json.loads((folder / "statistics.json").read_text())["total_hours"] == 0.5
    bars, papers_line = (0x48, 0x78, 0xA8), (0xC8, 0x55, 0x3D)
    # The paper's 666.9 s are within the range of our durations. Its 4967 words are far outside of the range of ours, so
    # their line is not drawn: it would squeeze the bars.
    for name, colors in (("duration.png", (bars, papers_line)), ("caption_words.png", (bars,))):
        picture = np.asarray(Image.open(folder / name).convert("RGB")).reshape(-1, 3)
        assert picture.shape[0] == 1050 * 600
        for color in colors:
            assert (picture == color).all(axis=1).sum() > 250


def test_a_folder_without_annotations_is_an_error_in_one_line(tmp_path, capsys):
    assert main(["stats", str(tmp_path)]) == 1
    expected = f"python -m fila_video.dataset stats: {tmp_path} has neither captions.jsonl nor captions.json.\n"
    assert capsys.readouterr().err == expected
