"""The demos show what they promise: scenes, sentence, tokens, times, answers, true answers, and a warning. No more."""

import os
import re
import subprocess
import sys
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from tests.clips import draw_clip
from tests.environment import REPOSITORY


DEMO = REPOSITORY / "demo"
PRINTED_ANSWER = r"^Question: (.+?)\nAnswer:   (.+?)\nTruth:    (.+?)   \((right|WRONG)\)$"


def run_demo(script: str, *arguments: str, folder: Path) -> subprocess.CompletedProcess:
    """Runs a demo as `make demo` does, from another directory. One thread is enough for the small model."""
    command = [sys.executable, "-W", "default", str(DEMO / script), *arguments]
    return subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )


@pytest.fixture(scope="module")
def shown(tmp_path_factory) -> str:
    """What the demo prints about 8 seconds at 5 frames per second, 40 frames."""
    folder = tmp_path_factory.mktemp("demo")
    clip = draw_clip(folder / "drawn clip.mp4", fps=5)
    done = run_demo("ask_a_video.py", str(clip), "--question", "Who is there?", folder=folder)
    assert (done.returncode, done.stderr) == (0, "")
    assert os.listdir(folder) == [clip.name]
    return done.stdout


def test_the_scenes_are_in_seconds_of_the_clip(shown):
    scenes = re.findall(r"(\d+\.\d\d) s \(((?:\d+\.\d\d)(?:, \d+\.\d\d)*)\)", shown)
    assert len(scenes) == 32 and "The model looked at 32 moments" in shown
    frames = {f"{place / 5:.2f}" for place in range(40)}
    for representative, merged in scenes:
        merged = merged.split(", ")
        assert representative in merged and set(merged) <= frames
        assert 1 <= len(merged) <= 3 and merged == sorted(set(merged))  # repeated frames are named once
    representatives = [float(representative) for representative, _ in scenes]
    assert representatives == sorted(set(representatives))


def test_the_sentence_is_the_prompts(shown):
    sentence = "In the prompt:\n  This video samples 32 frames of a 8.0-second video.\n"
    assert sentence in shown
    assert shown.split(sentence)[1].startswith("  (The prompt counts one frame for each scene")


def test_lines_are_short(shown):
    assert max(map(len, shown.splitlines()[1:])) <= 100  # the first line holds the path


def test_the_tokens_follow_the_formula(shown):
    """4 x 4 patches pooled to one token for each of min(40, 32) scenes. A time such as 7.4 has two tokens."""
    assert "Visual tokens: 40 frames -> 32 scenes -> 32 tokens\nTimes of the scenes: 64 tokens\n" in shown


def test_the_time_of_each_step(shown):
    (line,) = [line for line in shown.splitlines() if line.startswith("Time:")]
    steps = dict(re.findall(r"(?:^Time: +|, )([a-z ]+) (\d+\.\d\d) s", line))
    assert list(steps) == ["load the model", "read the video", "find and merge scenes", "answer"]
    assert all(0 <= float(seconds) < 600 for seconds in steps.values()) and float(steps["answer"]) > 0


def test_the_question_the_answer_and_the_warning(shown):
    assert re.search(r"\nQuestion: Who is there\?\nAnswer:   (['\"]).*\1\n", shown)
    assert "This model has only ever seen drawn shapes" in shown


def test_a_missing_video_ends_with_1_and_one_line(tmp_path):
    done = run_demo("ask_a_video.py", "missing.mp4", folder=tmp_path)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("ask_a_video.py: ") and "missing.mp4" in line
    assert "drawn shapes" not in done.stdout and os.listdir(tmp_path) == []


def test_the_drawn_video_shows_question_answer_and_truth(tmp_path):
    """Three videos: most answers are right, each with the true one, and pictures show the video and its scenes."""
    marks = []
    for number in range(3):
        output = tmp_path / str(number)
        done = run_demo("ask_a_drawn_video.py", "--number", str(number), "--output", str(output), folder=tmp_path)
        assert (done.returncode, done.stderr) == (0, "")
        answers = re.findall(PRINTED_ANSWER, done.stdout, re.M | re.S)
        assert len(answers) >= 3
        marks += [mark for *_, mark in answers]
        assert {path.name for path in output.iterdir()} == {"video.mp4", "video.png", "scenes.png"}
        assert Image.open(output / "scenes.png").size[0] > 8 * 64
    assert marks.count("right") >= 0.8 * len(marks)


def test_a_disc_clip_has_its_scenes(tmp_path, monkeypatch):
    """Scenes of 4, 1.5, 5 and 2.5 seconds at 10 frames per second, distinguished by the color of their corners."""
    monkeypatch.syspath_prepend(str(DEMO))
    from disc_clips import write_disc_clip

    seconds = (4.0, 1.5, 5.0, 2.5)
    backgrounds = ((200, 60, 50), (40, 90, 200), (50, 150, 80), (235, 225, 200))
    white = (255, 255, 255)
    write_disc_clip(tmp_path / "clip.mp4", [(*scene, white) for scene in zip(seconds, backgrounds, strict=True)])
    with av.open(str(tmp_path / "clip.mp4")) as container:
        corners = np.array([frame.to_ndarray(format="rgb24")[2, 2] for frame in container.decode(video=0)], int)
    assert len(corners) == 130
    cuts = np.flatnonzero(np.abs(np.diff(corners, axis=0)).sum(1) > 60) + 1
    assert cuts.tolist() == [40, 55, 105]


def run_make(*arguments: str) -> subprocess.CompletedProcess:
    """Runs make as a user does, even if `make test` runs the tests: a make inside of another one prints more."""
    environment = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MAKELEVEL")}
    return subprocess.run(["make", *arguments], cwd=REPOSITORY, env=environment, capture_output=True, text=True)


@pytest.mark.parametrize("variable", ["QUESTION=Who is there?", "MODEL=my-model"])
def test_make_refuses_what_needs_a_video(variable):
    done = run_make("demo", variable)
    assert done.returncode == 2 and done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert "QUESTION and MODEL are for a video of your own: add VIDEO=clip.mp4" in line


def test_make_passes_the_model_on():
    variables = ["VIDEO=clip.mp4", "QUESTION=Who?", "MODEL=my model"]
    done = run_make("--dry-run", "--assume-old", ".venv/.ready", "demo", *variables)
    command = done.stdout.splitlines()[-1].split()
    assert command[-5:] == ['"$VIDEO"', "--question", '"$QUESTION"', "--model", '"$MODEL"']
