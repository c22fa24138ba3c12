"""The tables and files of measurements that were made up."""

import json

import pytest
from huggingface_hub import parse_eval_result_entries
from yaml import safe_load

from fila_video.evaluation.benchmarks.judgments import Judged
from fila_video.evaluation.benchmarks.measure import Measured
from fila_video.evaluation.benchmarks.paper_tasks import find_benchmarks
from fila_video.evaluation.benchmarks.report import read_published, score_table, write_hub_results, write_report
from fila_video.evaluation.benchmarks.variants_of_model import Row


BENCHMARKS = find_benchmarks(["videomme", "mlvu_dev"], may_submit=False)


def measured(name: str, right: str, **fields) -> Measured:
    """A row whose answers about videos a, b, ... are right where the text has a 1, unreadable where it has a `-`."""
    judged = [
        Judged("task", place, "abcdefgh"[place], "count", mark == "1", False, False, is_unreadable=mark == "-")
        for place, mark in enumerate(right)
    ]
    unreadable = {f"{each.video}.mp4": "damaged" for each in judged if each.is_unreadable}
    values = {
        "judged": {benchmark.task: judged for benchmark in BENCHMARKS},
        "of_lmms_eval": {},
        "num_frames": 96,
        "video_tokens": 6273.4,
        "seconds": 12.0,
        "prompts": {},
        "unreadable": unreadable,
    }
    return Measured(Row(name, "model"), **{**values, **fields})


def cells(table: str, row: int) -> list[str]:
    return [cell.strip() for cell in table.splitlines()[2 + row].split("|")[1:-1]]


def test_the_table_has_published_rows_scores_and_paired_differences():
    rows = [measured("model", "1110"), measured("base", "1000")]
    table = score_table(BENCHMARKS, rows, {"a paper": {"VideoMME": 61.25}})
    assert cells(table, 0) == ["a paper (published)", "–", "–", "61.2", "–"]
    # The share's standard error is sqrt(0.75 * 0.25 / 3); MLVU divides by seven kinds of questions.
    assert cells(table, 1) == ["model", "96", "6273", "75.0 ± 25.0", "10.7 ± 3.6"]
    # Differences 0 1 1 0: standard error 28.9, times 3.182.
    assert cells(table, 3) == ["model - base", "", "", "+50.0 (-41.9 to 141.9)", "+7.1 (-6.0 to 20.3)"]


def test_files_tell_what_the_table_tells(tmp_path):
    rows = [measured("model", "11-0"), measured("base", "1000")]
    text = write_report(tmp_path, BENCHMARKS, rows, {}, {"limit": None})
    assert (tmp_path / "table.md").read_text(encoding="utf-8") == text
    assert "1 video could not be read:\n\n- model: c.mp4: damaged\n" in text
    results = json.loads((tmp_path / "results.json").read_text(encoding="utf-8"))
    assert results["limit"] is None and [row["name"] for row in results["rows"]] == ["model", "base"]
    first, second = (row["benchmarks"]["videomme"] for row in results["rows"])
    assert first["score"]["value"] == 50 and first["unreadable"] == 1
    assert second["first_row_minus_this"]["value"] == 25


def test_results_have_the_form_that_the_hub_shows(tmp_path):
    write_hub_results(tmp_path, BENCHMARKS, measured("model", "1110"), lmms_eval="0.7.3", commits={})
    written = safe_load((tmp_path / ".eval_results" / "videomme.yaml").read_text(encoding="utf-8"))
    (entry,) = parse_eval_result_entries(written)
    assert (entry.dataset_id, entry.task_id, entry.value) == ("lmms-eval/Video-MME", "videomme", 75)
    assert entry.notes == "lmms-eval 0.7.3, 96 frames, 4 questions, standard error 25.00"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[1]", "must have the form"),
        ('{"row": {"VideoMME": "good"}}', "must have the form"),
        ('{"row": {"Video-MME": 1}}', "has scores for Video-MME; known are VideoMME,"),
    ],
)
def test_published_rows_in_another_form_are_refused(tmp_path, content, message):
    path = tmp_path / "paper.json"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(ValueError, match=message):
        read_published(path)
