"""The comparison of selected scenes with evenly spaced frames counts correctly, and runs from its command."""

import json

import pytest

from fila_video.evaluation.__main__ import main
from fila_video.evaluation.scores import Answered
from fila_video.evaluation.short_events import as_table, compare
from fila_video.mini.untrained import write_untrained
from tests.tables import unpadded


def answers(rights: str, videos: str) -> list[Answered]:
    return [
        Answered(video, "first", f"question {place}", "a", "b", right == "1", True, 0.1)
        for place, (right, video) in enumerate(zip(rights, videos, strict=True))
    ]


def test_shares_and_their_difference():
    """3 of 4 are right against 1 of 4. Each of the two videos has one more, so every bootstrap sample agrees."""
    row = compare(answers("1110", "xxyy"), answers("0100", "xxyy"), seconds="16", selection="similar", seed=0)
    assert (row.asked, row.selected, row.uniform, row.difference) == (4, 0.75, 0.25, 0.5)
    assert row.low == row.high == 0.5
    assert "| 16 | similar | 0 | 4 | 75.0 | 25.0 | 50.0 | 50.0 to 50.0 |" in unpadded(as_table([row]))


def test_the_interval_is_wide_where_videos_differ():
    row = compare(
        answers("11110000", "aabbccdd"), answers("00001111", "aabbccdd"), seconds="16", selection="similar", seed=0
    )
    assert row.difference == 0 and row.low <= -0.5 and row.high >= 0.5


def test_answers_to_different_questions_are_refused():
    with pytest.raises(ValueError, match="same questions"):
        compare(answers("1", "x"), answers("1", "y"), seconds="16", selection="similar", seed=0)
    with pytest.raises(ValueError, match="about an event"):
        compare([], [], seconds="16", selection="similar", seed=0)


def test_a_missing_model_is_one_line(tmp_path, capsys):
    assert main(["events", str(tmp_path / "missing"), "--output", str(tmp_path)]) == 1
    assert "missing" in capsys.readouterr().err


@pytest.mark.slow
def test_the_command(tmp_path, capsys):
    write_untrained(tmp_path / "model", seed=0)
    output = tmp_path / "events"
    command = ["events", str(tmp_path / "model"), "--output", str(output), "--videos", "1", "--seeds", "2"]
    assert main([*command, "--selections", "similar, k-means++", "bipartite"]) == 0
    rows = json.loads((output / "events.json").read_text(encoding="utf-8"))["rows"]
    assert [(row["seconds"][:2], row["selection"][:2], row["seed"]) for row in rows] == [
        (seconds, selection, seed)
        for seconds in ("32", "64")
        for selection, seed in (("si", 0), ("bi", 0), ("si", 1), ("bi", 1), ("si", "all"), ("bi", "all"))
    ]
    for seconds in ("32", "64"):
        of_length = [
            row for row in rows if row["seconds"].startswith(seconds) and row["selection"] == "similar, k-means++"
        ]
        assert of_length[2]["asked"] == of_length[0]["asked"] + of_length[1]["asked"]
    assert (output / "events.md").read_text(encoding="utf-8") in capsys.readouterr().out
