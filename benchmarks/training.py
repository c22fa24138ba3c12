"""Measures whether reading videos keeps up with training: a step of stage 4 with and without
reading.

    python -m benchmarks.training --clips ../shared/videos --json training.json

Every clip in the folder is one sample. The first run is the trainer of `python -m
fila_video.training video_instruction`: its workers read, resize and tokenize while the model
computes. The second run repeats forward pass, backward pass and optimizer step on batches that
are in memory. The two runs alternate, and the table has medians over steps. `--model` names a
checkpoint. Without it, an untrained model is made that is large enough for a step to take seconds
on a CPU.
"""

import argparse
import json
import os
import platform
import statistics
import tempfile
from importlib import metadata
from pathlib import Path

from fila_video.common.tables import markdown_table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=Path, required=True, help="folder of videos")
    parser.add_argument("--model", type=Path, help="folder of a checkpoint (default: an untrained model)")
    parser.add_argument("--batch-size", type=int, default=2, help="number of videos in a step")
    parser.add_argument("--steps", type=int, default=4, help="number of measured steps in a run")
    parser.add_argument("--repetitions", type=int, default=2, help="number of runs of each kind")
    parser.add_argument("--workers", type=int, default=1, help="number of processes that read videos")
    parser.add_argument("--threads", type=int, help="number of threads of the model (default: one for each core)")
    parser.add_argument("--precision", help="bf16 or fp32 (default: bf16 if there is a GPU, otherwise fp32)")
    parser.add_argument("--json", type=Path, help="file for all measurements")
    options = parser.parse_args()
    # These imports take seconds, which --help does not need.
    import torch
    from transformers.utils import logging

    from benchmarks.training_steps import run_from_memory, run_with_reading, stage_for

    logging.set_verbosity_error()
    if options.precision is None:
        options.precision = "bf16" if torch.cuda.is_available() else "fp32"
    if options.threads:
        torch.set_num_threads(options.threads)
    reading, memory = [], []
    with tempfile.TemporaryDirectory() as folder:
        stage = stage_for(options, Path(folder))
        for _ in range(options.repetitions):
            reading += run_with_reading(stage)
            memory += run_from_memory(stage, options.steps)
    report(options, reading, memory)


def report(options: argparse.Namespace, reading: list[float], memory: list[float]) -> None:
    import torch

    medians = {
        "with reading by workers": statistics.median(reading),
        "with batches in memory": statistics.median(memory),
    }
    print(
        f"\nA step with {options.batch_size} videos of 96 frames: medians of {len(reading)} and {len(memory)} steps\n"
    )
    rows = [(name, f"{seconds:.2f}") for name, seconds in medians.items()]
    print(markdown_table(["step", "seconds"], rows, align="lr"))
    ratio = medians["with reading by workers"] / medians["with batches in memory"]
    print(f"\nReading adds {ratio - 1:+.1%}.")
    if options.json:
        options.json.write_text(
            json.dumps(
                {
                    "seconds": {"reading": reading, "memory": memory},
                    "cpu": platform.processor() or platform.machine(),
                    "cores": os.cpu_count(),
                    "threads": torch.get_num_threads(),
                    "workers": options.workers,
                    "versions": {
                        name: metadata.version(name) for name in ("torch", "transformers", "accelerate", "av")
                    },
                },
                indent=1,
            ),
            encoding="utf-8",
        )


if __name__ == "__main__":
    main()
