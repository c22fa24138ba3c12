"""What is said in drawn videos: lines, questions that only they answer, and nothing else that changes."""

import json
import re

import numpy as np
import pysubs2
import pytest

from fila_video.training.data.records import chat_of
from fila_video.world.judge_answer import is_correct
from fila_video.world.make_data import DataPlan, make_data, sample_of
from fila_video.world.spoken_lines import SAID, WORDINGS, as_subrip, draw_lines, draw_spoken, whole_seconds
from fila_video.world.vocabulary import OBJECT_COLOURS
from fila_video.world.world_options import WorldOptions


SHORT = WorldOptions(scenes=(1, 2), seconds=(5.0, 8.0))


@pytest.mark.parametrize("duration_seconds", [1.6, 4.0, 8.3, 16.0, 96.0])
def test_lines_follow_each_other_and_say_different_colors(duration_seconds):
    for seed in range(50):
        lines = draw_lines(np.random.default_rng(seed), duration_seconds)
        times = [time for line in lines for time in (line.start_seconds, line.end_seconds)]
        assert times == sorted(times) and 0 <= times[0] and times[-1] <= duration_seconds
        assert len({line.text for line in lines}) == len(lines) and {line.text for line in lines} <= set(OBJECT_COLOURS)
        for line in lines:
            inside = whole_seconds(line)
            assert inside and all(line.start_seconds + 0.19 < s < line.end_seconds - 0.19 for s in inside)


def test_a_video_can_be_too_short():
    with pytest.raises(ValueError, match=r"A video of 1\.5 seconds is too short for a spoken line"):
        draw_lines(np.random.default_rng(0), 1.5)


@pytest.mark.parametrize(("split", "words"), [("train", WORDINGS[:-1]), ("test_wordings", WORDINGS[-1:])])
def test_the_answer_is_what_is_said_at_that_second(split, words):
    for number in range(20):
        lines, asked = draw_spoken(split, number, 12.0, 6)
        assert (lines, asked) == draw_spoken(split, number, 12.0, 6)
        assert 3 <= len(lines) <= 5 and len({question.text for question in asked}) == len(asked) >= 3
        for question in asked:
            (second,) = map(int, re.findall(r"\d+", question.text))
            (said,) = [line.text for line in lines if line.start_seconds <= second < line.end_seconds]
            assert (question.type, question.answer) == (SAID, said)
            assert any(question.text == template.format(seconds=second) for template in words)
            assert is_correct(SAID, f"{said.title()}.", said, duration_seconds=12.0)
            assert not is_correct(SAID, "no", said, duration_seconds=12.0)


def test_an_independent_parser_reads_the_lines():
    lines, _ = draw_spoken("test", 0, 90.0, 1)
    events = pysubs2.SSAFile.from_string(as_subrip(lines), format_="srt").events
    assert [(event.start / 1000, event.end / 1000, event.text) for event in events] == [
        (line.start_seconds, line.end_seconds, line.text) for line in lines
    ]


def test_a_split_with_spoken_questions_has_the_files_of_the_split_without(tmp_path):
    counts = {"a": 0, "b": 4}
    plans = {name: DataPlan("train", 2, 3, options=SHORT, spoken_questions=count) for name, count in counts.items()}
    for name, plan in plans.items():
        make_data(tmp_path / name, plan)
    folders = [tmp_path / name for name in plans]
    files = {folder.name: {str(path.relative_to(folder)) for path in folder.rglob("*.*")} for folder in folders}
    assert files["b"] - files["a"] == {"subtitles/train_000000.srt", "subtitles/train_000001.srt"}
    assert files["a"] < files["b"]
    for file in files["a"]:
        if file.endswith(".mp4"):
            assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()
    without, with_lines = (
        [json.loads(line) for line in (tmp_path / name / "truth.jsonl").read_text().splitlines()] for name in plans
    )
    for one, other in zip(without, with_lines, strict=True):
        assert "subtitles" not in one and one["truth"] == other["truth"]
        texts = [[question["text"] for question in video["questions"]] for video in (one, other)]
        assert texts[1][:3] == texts[0]
        assert [question["type"] for question in other["questions"][3:]] == [SAID] * 4
    assert sample_of(plans["a"], 1)[0] == sample_of(plans["b"], 1)[0]


def test_records_name_their_subtitles(tmp_path):
    make_data(tmp_path, DataPlan("train", 1, 1, options=SHORT, spoken_questions=1))
    record = json.loads((tmp_path / "records.jsonl").read_text())
    part = chat_of(record, folder=str(tmp_path), source="records.jsonl")["messages"][0]["content"][0]
    assert part["subtitles"] == f"{tmp_path}/subtitles/train_000000.srt"


def test_a_negative_number_is_named():
    with pytest.raises(ValueError, match="spoken_questions=-1 must not be negative"):
        DataPlan("train", 1, 1, spoken_questions=-1)
