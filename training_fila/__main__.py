"""
Trains one stage, or says what that would need.

    python -m training_fila STAGE.yaml [key=value ...]
    accelerate launch --config_file training_fila/accelerate/fsdp2.yaml -m training_fila STAGE.yaml [key=value ...]
    python -m training_fila STAGE.yaml [key=value ...] --plan [--gpus 1 8]
"""

import argparse
import sys

import torch

from .collator import TooLongError
from .plan_stage import plan_stage
from .run import prepare, train
from .skipped_samples import TooManyUnreadableError
from .stage_config import load_stage


def main(arguments: list[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    try:
        stage = load_stage(options.stage, options.overrides)
        if options.plan:
            print(plan_stage(stage, num_gpus=options.gpus))
            return 0
        trainer = prepare(stage)
    except (ValueError, OSError) as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 1
    try:
        train(trainer)
    except (TooManyUnreadableError, TooLongError) as error:
        # What a worker raises comes with its own traceback; its last line is the message.
        print(f"{type(error).__name__}: {str(error).strip().splitlines()[-1]}", file=sys.stderr)
        return 1
    # Threads of a process group that still is there when Python ends can abort the process. After an error others may
    # be waiting in it: then whoever launched them ends them all.
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m training_fila", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("stage", help="a YAML file, or the name of a shipped stage, e.g. alignment")
    parser.add_argument("overrides", nargs="*", metavar="key=value", help="fields of the stage: data.num_frames=64")
    parser.add_argument("--plan", action="store_true", help="print the memory that the stage needs, and end")
    parser.add_argument("--gpus", type=int, nargs="+", default=[1, 8], help="numbers of GPUs to plan for")
    return parser


if __name__ == "__main__":
    sys.exit(main())
