"""python -m fila_video.mini: trains fila-video-mini from nothing, measures it, and writes its checkpoint and card."""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from fila_video.common.command_line import run_reporting_errors

from .recipe import LARGE, LAST_STAGE, ORDER, Recipe


PROGRAM = "python -m fila_video.mini"
STAGE_NAMES = [stage for stage, _ in ORDER]


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the recipe and returns the exit status: 1 if something is wrong with the data."""
    parser = _parser()
    options = parser.parse_args(arguments)
    import torch  # takes seconds, which --help does not need

    if options.large and not torch.cuda.is_available():
        parser.error("--large needs a GPU, and PyTorch sees none.")
    if options.large is None:
        options.large = torch.cuda.is_available()
    return run_reporting_errors(PROGRAM, lambda: _train(options))


def _train(options: argparse.Namespace) -> None:
    from .publish import publish
    from .run_recipe import run_recipe

    recipe = LARGE if options.large else Recipe()
    recipe = replace(recipe, seed=options.seed).scaled(options.share)
    trained = run_recipe(options.output, recipe, until=options.until or LAST_STAGE)
    if options.until is None:
        publish(trained, options.output / "fila-video-mini", share=options.share)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=PROGRAM, description=__doc__)
    parser.add_argument(
        "--output",
        type=Path,
        default=Path("outputs/mini"),
        help="folder to write (default: outputs/mini); running the command again continues",
    )
    parser.add_argument(
        "--share",
        type=float,
        default=1.0,
        help="share of the steps, data and test questions to use, for a trial run (default: 1.0)",
    )
    parser.add_argument("--seed", type=int, default=0, help="random seed of weights, data and order (default: 0)")
    parser.add_argument(
        "--large",
        action=argparse.BooleanOptionalAction,
        help="train on a GPU, with about three times the data (default: if there is a GPU)",
    )
    parser.add_argument(
        "--until",
        choices=STAGE_NAMES,
        metavar="STAGE",
        help=f"stop after this stage, and do not measure the model; one of: {', '.join(STAGE_NAMES)}",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
