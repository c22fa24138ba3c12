"""Two processes reach the losses of one: DDP, and FSDP2 with its parameters split (gloo, on the processor)."""

import json
import os
import subprocess
import sys

import pytest
from transformers import AutoModelForImageTextToText

from fila_video.training.run import run_stage
from tests.environment import REPOSITORY
from tests.fila_video.training.conftest import record, write_records
from tests.fila_video.training.stages import losses, overrides, small_stage


pytestmark = [
    pytest.mark.assistant_masks,
    pytest.mark.slow,
    pytest.mark.torch_distributed,
]
CHANGES = {
    "max_steps": 10,
    "epochs": 5,
    "save_steps": 100,
    "batch_size": 4,
    "micro_batch_size": 1,
    # Batches in which one process has a video, and the other a picture or text.
    "data__grouping": "random",
    "learning_rates__language_model": 1e-3,
    "learning_rates__scene_merging": 1e-2,
    "trainer__save_strategy": "'no'",
}


@pytest.fixture(scope="module")
def text_records(media):
    records = [record(f"t{n}", f"Question {n}?", f"Answer number {n}.") for n in range(4)]
    return write_records(media / "text.json", records)


@pytest.fixture(scope="module")
def alone(checkpoint, image_records, video_records, text_records, tmp_path_factory):
    output = tmp_path_factory.mktemp("alone")
    records = (image_records, video_records, text_records)
    return losses(run_stage(small_stage("video_instruction", checkpoint, output, *records, **CHANGES)))


def run_two(module: str, *arguments: str) -> None:
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "-m", module, *arguments]
    done = subprocess.run(
        command, cwd=REPOSITORY, env={**os.environ, "OMP_NUM_THREADS": "1"}, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr[-3000:]


@pytest.mark.parametrize(
    "module", ["fila_video.training", "tests.fila_video.training.sharded_run"], ids=["DDP", "FSDP2"]
)
def test_two_processes_reach_the_losses_of_one(
    module, alone, checkpoint, image_records, video_records, text_records, tmp_path
):
    records = (image_records, video_records, text_records)
    run_two(module, "video_instruction", *overrides(checkpoint, tmp_path / "out", *records, **CHANGES))
    history = json.loads((tmp_path / "out" / "trainer_state.json").read_text())["log_history"]
    together = [entry["loss"] for entry in history if "loss" in entry]
    assert len(alone) == 10
    assert together == pytest.approx(alone, abs=1e-4)
    assert AutoModelForImageTextToText.from_pretrained(tmp_path / "out") is not None
