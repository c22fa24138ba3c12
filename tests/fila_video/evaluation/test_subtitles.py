"""Questions that only subtitles answer: an oracle that reads them, and one that cannot."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
from scipy import stats

from fila_video.evaluation.__main__ import main
from fila_video.evaluation.ask import ask_split
from fila_video.evaluation.scores import Answered
from fila_video.evaluation.subtitles import as_table, compare, measure_subtitles
from fila_video.world.make_data import DataPlan, make_data
from processing_fila.reader_subtitles import read_subtitles


def oracle(prompts, batch_size, max_new_tokens, subtitle_lines=None):
    """Answers from the subtitle file of a prompt, and with "red" where there is none."""
    return [[{"generated_text": said(prompt, subtitle_lines)}] for prompt in prompts]


def said(prompt, subtitle_lines) -> str:
    if isinstance(prompt, dict):
        assert subtitle_lines is None
        return "red"
    part, question = prompt[0]["content"]
    assert subtitle_lines == "all" and Path(part["video"]).is_file()
    (second,) = map(int, re.findall(r"\d+", question["text"]))
    lines = read_subtitles(part["subtitles"])
    return next(line.text for line in lines if line.start_seconds <= second < line.end_seconds)


def test_subtitles_give_all_answers_to_a_model_that_reads_them(tmp_path):
    found = measure_subtitles(oracle, tmp_path, num_videos=4, num_questions=3)
    assert (found.asked, found.with_subtitles, found.only_without) == (12, 1, 0)
    assert 0 <= found.without <= found.chance < 1 and found.only_with == round(12 * (1 - found.without))
    assert f"{100 * (1 - found.without):.1f} |" in as_table(found)
    counts = [path.read_text().count("-->") for path in (tmp_path / "subtitles").iterdir()]
    assert found.any_line == pytest.approx(sum(1 / count for count in counts) / 4)


def answers(right: list[bool]) -> list[Answered]:
    one = Answered("", "said", "", "red", "", False, False, 0.25)
    return [replace(one, video=f"{place // 2}.mp4", text=str(place), is_right=good) for place, good in enumerate(right)]


def test_the_test_is_mcnemars():
    """Its exact p-value is that of a fair coin: 7 questions are right only with subtitles, 1 only without."""
    with_lines, without = [True] * 9 + [False] * 3, [False] * 7 + [True] * 2 + [True] + [False] * 2
    found = compare(answers(with_lines), answers(without), any_line=0.3)
    assert (found.only_with, found.only_without, found.chance) == (7, 1, 0.25)
    assert found.p_value == pytest.approx(stats.binomtest(1, 8).pvalue)
    assert found.with_subtitles - found.without == pytest.approx(6 / 12) and found.low <= 6 / 12 <= found.high
    with pytest.raises(ValueError, match="12 and 11 answers do not belong to the same questions"):
        compare(answers(with_lines), answers(without[1:]), any_line=0.3)


def test_a_folder_without_subtitles_is_named(tmp_path):
    make_data(tmp_path, DataPlan("test", 1, 1))
    with pytest.raises(ValueError, match="has no subtitles: draw the videos with --spoken-questions"):
        list(ask_split(oracle, tmp_path, subtitles=True))


@pytest.mark.slow
def test_the_command_measures_the_small_model(tmp_path, capsys):
    arguments = ("checkpoints/fila-video-mini", "--output", str(tmp_path), "--videos", "2", "--questions", "1")
    assert main(["subtitles", *arguments, "--lines", "scenes"]) == 0
    assert "| 2 |" in " ".join(capsys.readouterr().out.split()) and (tmp_path / "subtitles.json").is_file()
