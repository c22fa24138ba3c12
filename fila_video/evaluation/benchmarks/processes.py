"""The processes of accelerate that share the questions."""

import os
from datetime import timedelta

import torch
from accelerate import PartialState


# Fast processes wait for slow ones, on some benchmarks for hours.
PATIENCE = timedelta(weeks=1)


def processes() -> PartialState:
    """Returns this process among all processes, which know each other from now on."""
    # Without this, accelerate does not look for other processes where there is no GPU.
    is_shared_on_cpus = int(os.environ.get("WORLD_SIZE", 1)) > 1 and not torch.accelerator.is_available()
    return PartialState(cpu=is_shared_on_cpus, timeout=PATIENCE)
