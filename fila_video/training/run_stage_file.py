"""Runs a stage's file in separate processes, by the command that a user would type."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def run_stage_file(stage: Path, overrides: Mapping[str, Any], processes: int, *, device: str = "cpu") -> None:
    """
    Runs `python -m fila_video.training STAGE key=value ...` and shows its output.

    Args:
        stage: YAML file of the stage.
        overrides: Fields of the stage to change.
        processes: On a CPU, the number of training processes, each with one thread. On a GPU, one process trains, and
            this is the number of workers that decode videos for it.
        device: `"cpu"` or `"cuda"`.

    Raises:
        subprocess.CalledProcessError: If the training fails.
    """
    on_cpu = device == "cpu"
    overrides = {
        "data.workers": 1 if on_cpu else processes,
        "precision": "bf16",  # on CPUs too
        "trainer.use_cpu": str(on_cpu).lower(),
        "trainer.disable_tqdm": "true",
        "trainer.adam_beta2": 0.98,
        **overrides,
    }
    # A single GPU gets a launcher too: without one, transformers' Trainer would use all GPUs that it sees.
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", str(processes if on_cpu else 1)]
    command += ["--standalone", "-m", "fila_video.training", str(stage)]
    command += [f"{key}={value}" for key, value in overrides.items()]
    subprocess.run(command, check=True, env={**os.environ, "OMP_NUM_THREADS": "1"})
