"""The numbers of a dataset, computed by hand."""

import json

from fila_video.dataset.report.summary import DatasetSummary, mean, summarize, summary_table
from tests.clips import draw_clip
from tests.tables import unpadded


def test_the_table_has_the_papers_dataset_in_the_second_row(two_videos):
    assert summarize(two_videos) == DatasetSummary("two", [400, 1400], [4, 2], [2, 1])
    assert [unpadded(row) for row in summary_table(summarize(two_videos)).splitlines()[2:]] == [
        "| two | 2 | 3.0 | 900.0 | 0.5 | 3 |",
        "| the paper's | 40,000 | 4,967 | 666.9 | 7,410 | - |",
    ]


def test_the_videos_of_a_plain_llava_file_are_opened_to_measure_them(tmp_path):
    draw_clip(tmp_path / "v.mp4", seconds=3)
    turns = [{"from": "human", "value": "<image>\nWhat?"}, {"from": "gpt", "value": "A dog runs away."}]
    timed = [turns[0], {"from": "gpt", "value": "0.00 - 1.00: A dog.\n1.00 - 3.00: It runs away."}]
    path = tmp_path / "plain.json"
    path.write_text(
        json.dumps([{"video": "v.mp4", "conversations": turns}, {"video": "v.mp4", "conversations": timed}])
    )
    summary = summarize(path)
    assert summary.seconds == [3, 3] and summary.words == [4, 5] and summary.scenes == [1, 2]


def test_an_empty_dataset_has_means_of_0(tmp_path):
    (tmp_path / "captions.jsonl").write_text("", encoding="utf-8")
    summary = summarize(tmp_path)
    assert summary.num_videos == 0 and summary.to_dict()["mean_seconds"] == 0 == mean([])
