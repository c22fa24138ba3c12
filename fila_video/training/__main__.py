"""
Trains one stage, or prints how much memory that stage needs.

    python -m fila_video.training STAGE [key=value ...]
    accelerate launch --config_file FSDP2.yaml \\
        -m fila_video.training STAGE [key=value ...]
    python -m fila_video.training STAGE [key=value ...] --plan [--gpus 1 8]
"""

import argparse
import sys
from typing import TYPE_CHECKING

from fila_video.common.command_line import (
    BAD_DATA,
    EXPECTED_ERRORS,
    report_error,
    run_reporting_errors,
    warnings_in_one_line,
)

from .train_extra import require_train_extra


if TYPE_CHECKING:
    from .trainer import FilaVideoTrainer


PROGRAM = "python -m fila_video.training"


def main(arguments: list[str] | None = None, program: str = PROGRAM) -> int:
    parser = _parser(program)
    options = parser.parse_intermixed_args(arguments)  # fields may also follow --plan
    if options.plan:
        return run_reporting_errors(parser.prog, lambda: _print_plan(options))
    with warnings_in_one_line(parser.prog):
        try:
            trainer = _prepare(options)
        except EXPECTED_ERRORS as error:
            report_error(parser.prog, error)
            return BAD_DATA
        return _train(parser.prog, trainer)


# The functions below import inside themselves: `--help` and usage errors need neither torch nor the extra `train`.


def _print_plan(options: argparse.Namespace) -> None:
    require_train_extra()
    from .plan.plan_stage import plan_stage
    from .stage_config import load_stage

    stage = load_stage(options.stage, options.overrides, needs_data=False)
    print(plan_stage(stage, num_gpus=options.gpus))


def _prepare(options: argparse.Namespace) -> "FilaVideoTrainer":
    require_train_extra()
    from .run import prepare
    from .stage_config import load_stage

    return prepare(load_stage(options.stage, options.overrides))


def _train(program: str, trainer: "FilaVideoTrainer") -> int:
    import torch

    from .data.collator import TooLongError
    from .data.skipped_samples import TooManySkippedError
    from .finite_training import NotFiniteError
    from .run import train

    try:
        train(trainer)
    except (TooManySkippedError, TooLongError, NotFiniteError) as error:
        # An error from a worker contains the worker's traceback; the last line is the message.
        report_error(program, str(error).strip().splitlines()[-1])
        return BAD_DATA
    # If a process group still exists when Python exits, its threads can abort the process. After an error, other
    # processes may still wait in the group; then the launcher ends all of them.
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()
    return 0


def _parser(program: str = PROGRAM) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=program,
        description=(__doc__ or "").replace(f"{PROGRAM} ", f"{program} "),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("stage", help="a YAML file, or the name of a shipped stage such as alignment")
    parser.add_argument(
        "overrides",
        nargs="*",
        type=_override,
        metavar="key=value",
        help="a field of the stage and its new value, such as data.num_frames=64; dots lead into sections and lists",
    )
    parser.add_argument(
        "--plan", action="store_true", help="print how much memory the stage needs on each GPU; nothing is trained"
    )
    parser.add_argument(
        "--gpus", type=_positive, nargs="+", default=[1, 8], help="numbers of GPUs to plan for (default: 1 8)"
    )
    return parser


def _override(text: str) -> str:
    if not text.partition("=")[0] or "=" not in text:
        raise argparse.ArgumentTypeError(f"{text!r} is not of the form key=value")
    return text


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a positive number")
    return number


if __name__ == "__main__":
    sys.exit(main())
