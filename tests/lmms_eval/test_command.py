"""`fila-video evaluate` from an empty cache to the table: killed and resumed, with two processes, and ablations."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from fila_video.evaluation.benchmarks.answers_file import path_of, read_answers

from .benchmark_data import CLIPS, MVBENCH
from .conftest import MINI


pytestmark = pytest.mark.lmms
EVALUATE = ("-m", "fila_video", "evaluate", MINI, "--dtype", "float32")
NUM_QUESTIONS = 6 + 6 + len(MVBENCH) + 5 * len(CLIPS)


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Path:
    """An empty cache, which the tests of this file fill."""
    return tmp_path_factory.mktemp("huggingface")


@pytest.fixture(scope="module")
def whole(run_lmms, home, tmp_path_factory) -> Path:
    """The folder of results of a run that was not interrupted, and the first one with this cache."""
    folder = tmp_path_factory.mktemp("whole")
    run_lmms(*EVALUATE, "--tasks", "table1", "--output", folder / "out", home=home, cwd=folder)
    return folder / "out"


def contents(folder: Path) -> dict[str, str]:
    """The table, and the samples of all tasks."""
    paths = [folder / "table.md", *(folder / "model" / "samples").iterdir()]
    return {path.name: path.read_text(encoding="utf-8") for path in paths}


def test_one_command_writes_the_table_with_all_eight_columns(whole):
    table = (whole / "table.md").read_text(encoding="utf-8")
    head = [cell.strip() for cell in table.splitlines()[0].split("|")[1:-1]]
    assert len(head) == 3 + 8
    results = json.loads((whole / "results.json").read_text(encoding="utf-8"))
    (row,) = results["rows"]
    assert sum(of["questions"] for of in row["benchmarks"].values()) == NUM_QUESTIONS
    assert row["num_frames"] == 48 and row["tokens_per_video"] == 96
    assert set(results["versions"]) >= {"lmms-eval", "transformers", "torch", "av"}
    assert len({commit for commit in results["data"].values() if commit}) == 7
    assert len(list((whole / ".eval_results").iterdir())) == 8


def test_prompts_are_those_of_lmms_eval_073(whole):
    """A change here is a change upstream: scores with other prompts cannot be compared."""
    (row,) = json.loads((whole / "results.json").read_text(encoding="utf-8"))["rows"]
    found = {task: digest[:12] for task, digest in row["prompts"].items() if not task.startswith("mvbench")}
    assert found == {
        "egoschema_subset": "dc52a65aa6fe",
        "longvideobench_val_v": "1b648d23a66d",
        "mlvu_dev": "53a1b6053280",
        "nextqa_mc_test": "65b450f400e4",
        "perceptiontest_val_mc": "8f801f3ac184",
        "videomme": "4e6160f00b2a",
        "videomme_w_subtitle": "7f760d4cec0c",
    }
    # The twenty parts of MVBench ask the same question here.
    assert {digest[:12] for task, digest in row["prompts"].items() if task.startswith("mvbench")} == {"3d2b20f52189"}


def test_scores_are_those_of_lmms_eval(whole):
    """The small model answers no question of these with a letter, apart from random guesses."""
    (row,) = json.loads((whole / "results.json").read_text(encoding="utf-8"))["rows"]
    theirs = row["scores_of_lmms_eval"]
    ours = {task: of["score"]["value"] for task, of in row["benchmarks"].items()}
    assert ours["videomme"] == pytest.approx(theirs["videomme"]["videomme_perception_score"])
    assert ours["mlvu_dev"] == pytest.approx(theirs["mlvu_dev"]["mlvu_percetion_score"])
    assert ours["longvideobench_val_v"] == pytest.approx(100 * theirs["longvideobench_val_v"]["lvb_acc"], abs=1e-3)
    assert ours["egoschema_subset"] == pytest.approx(100 * theirs["egoschema_subset"]["score"])
    assert ours["nextqa_mc_test"] == pytest.approx(100 * theirs["nextqa_mc_test"]["exact_match"])
    assert ours["perceptiontest_val_mc"] == pytest.approx(100 * theirs["perceptiontest_val_mc"]["accuracy"])
    of_mvbench = [theirs[f"mvbench_{name}"]["mvbench_accuracy"] for name in MVBENCH]
    assert ours["mvbench"] == pytest.approx(sum(of_mvbench) / len(of_mvbench))


def answers_when_killed(command: list[str], env: dict[str, str], folder: Path, at_least: int) -> Iterator[str]:
    """Starts a run, kills it when there are so many answers, and yields these."""
    with (folder / "log").open("w", encoding="utf-8") as log:
        process = subprocess.Popen(command, env=env, cwd=folder, stdout=log, stderr=log)
        deadline = time.monotonic() + 300
        answers: list[str] = []
        while len(answers) < at_least and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.05)
            answers = [given.key for given in read_answers(folder / "out" / "model")]
        process.send_signal(signal.SIGKILL)
        process.wait()
    yield from (given.key for given in read_answers(folder / "out" / "model"))


def test_a_killed_run_goes_on_and_gives_the_same(whole, run_lmms, lmms_python, lmms_variables, home, tmp_path):
    arguments = (*EVALUATE, "--tasks", "table1", "--output", tmp_path / "out")
    command = [str(lmms_python), *map(str, arguments)]
    before = list(answers_when_killed(command, {**lmms_variables, "HF_HOME": str(home)}, tmp_path, 10))
    assert 10 <= len(before) < NUM_QUESTIONS, (tmp_path / "log").read_text(encoding="utf-8")[-2000:]
    assert not (tmp_path / "out" / "table.md").exists()
    run_lmms(*arguments, home=home, cwd=tmp_path)
    assert contents(tmp_path / "out") == contents(whole)
    keys = [given.key for given in read_answers(tmp_path / "out" / "model")]
    assert keys[: len(before)] == before and len(set(keys)) == len(keys) == NUM_QUESTIONS


def test_two_processes_give_the_same(whole, run_lmms, home, tmp_path):
    launch = ("-m", "torch.distributed.run", "--nproc-per-node", "2", "-m", "fila_video.evaluation", "benchmarks")
    run_lmms(*launch, *EVALUATE[3:], "--tasks", "table1", "--output", tmp_path / "out", home=home, cwd=tmp_path)
    assert contents(tmp_path / "out") == contents(whole)
    numbers = [len(path_of(tmp_path / "out" / "model", rank).read_text("utf-8").splitlines()) for rank in (0, 1)]
    # Documents 1, 3 and 5 of a task belong to the second process; the parts of MVBench have one document each.
    assert numbers == [3 + 3 + len(MVBENCH) + 5 * 2, 3 + 3 + 5 * 1]


def test_rows_of_an_ablation_are_compared_with_the_model_as_it_is(whole, run_lmms, home, tmp_path):
    output = tmp_path / "out"
    tasks = ("--tasks", "perceptiontest_val_mc,mlvu_dev", "--limit", "2")
    run_lmms(*EVALUATE, *tasks, "--ablation", "frames", "--output", output, home=home, cwd=tmp_path)
    rows = json.loads((output / "results.json").read_text(encoding="utf-8"))["rows"]
    assert [(row["name"], row["num_frames"]) for row in rows] == [
        ("as it is", 48),
        ("24 frames", 24),
        ("96 frames", 96),
    ]
    assert all("first_row_minus_this" in row["benchmarks"]["mlvu_dev"] for row in rows[1:])
    assert not (output / ".eval_results").exists()  # with --limit, these are not results of the benchmark
    done = run_lmms(*EVALUATE, *tasks, "--base", MINI, "--output", output, home=home, cwd=tmp_path, status=1)
    assert "give another folder" in done.stderr


def test_subtitles_of_any_file_reach_the_prompt(whole, run_lmms, home, tmp_path):
    """The styled file and a missing one give the prompt of lmms-eval, the plain one its lines."""
    task = "videomme_w_any_subtitle"
    run_lmms(*EVALUATE, "--tasks", task, "--limit", "3", "--output", tmp_path / "out", home=home, cwd=tmp_path)
    stock, own = (
        [json.loads(line)["prompt"] for line in path.read_text(encoding="utf-8").splitlines()]
        for path in (
            whole / "model" / "samples" / "videomme_w_subtitle.jsonl",
            tmp_path / "out" / "model" / "samples" / f"{task}.jsonl",
        )
    )
    assert own[0] == stock[0] and own[2] == stock[2] and "No subtitles available" in own[2]
    assert stock[1].startswith("This video's subtitles are listed below: \n\nSelect the best answer")
    # The two files have the same lines, and the two clips the same frames.
    assert own[1] == own[0]


def test_what_is_missing_is_said_before_the_start(run_lmms, tmp_path):
    run = ("--tasks", "longvideobench_val_v,mlvu_dev", "--output", tmp_path / "out")
    empty = tmp_path / "huggingface"
    done = run_lmms(*EVALUATE, *run, "--check", home=empty, cwd=tmp_path)
    assert "sy1998/MLVU_dev: 0.0 GB to get" in done.stdout and not (tmp_path / "out").exists()
    done = run_lmms(*EVALUATE, "--tasks", "egoschema", home=empty, cwd=tmp_path, status=1)
    assert "--submit allows that" in done.stderr
    assert os.listdir(empty) == []
