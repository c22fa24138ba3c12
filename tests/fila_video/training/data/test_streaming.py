"""Training on a stream: every step is a full batch, even where the file starts again, in one process and in two."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from fila_video.training.run import run_stage
from tests.environment import REPOSITORY
from tests.fila_video.training.conftest import record, write_records
from tests.fila_video.training.stages import overrides, small_stage


pytestmark = pytest.mark.assistant_masks

# 13 samples in batches of 8: no batch ends where the file does.
CHANGES = {
    "data__streaming": "true",
    "data__shuffle_buffer": 4,
    "data__workers": 3,
    "batch_size": 8,
    "micro_batch_size": 1,
    "max_steps": 6,
    "trainer__save_strategy": "'no'",
}


@pytest.fixture(scope="module")
def thirteen(media) -> Path:
    records = [record(f"t{n}", f"Question {n}?", f"Answer number {n}.") for n in range(13)]
    return write_records(media / "thirteen.json", records)


def check(log: list[dict]) -> None:
    """Checks that the mean loss of a full batch is the mean loss of its only modality."""
    steps = [entry for entry in log if "loss" in entry]
    assert len(steps) == 6
    for step in steps:
        assert step["loss"] == pytest.approx(step["loss/text"], rel=1e-3)


def test_one_process(checkpoint, thirteen, tmp_path):
    check(run_stage(small_stage("video_instruction", checkpoint, tmp_path, thirteen, **CHANGES)).state.log_history)


@pytest.mark.slow
@pytest.mark.torch_distributed
def test_two_processes(checkpoint, thirteen, tmp_path):
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "-m", "fila_video.training"]
    done = subprocess.run(
        [*command, "video_instruction", *overrides(checkpoint, tmp_path / "out", thirteen, **CHANGES)],
        cwd=REPOSITORY,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    check(json.loads((tmp_path / "out" / "trainer_state.json").read_text())["log_history"])
