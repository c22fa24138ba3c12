"""python -m mini_fila: trains fila-video-mini from nothing, measures it, and writes it as it is shipped."""

import argparse
import sys
from dataclasses import replace
from pathlib import Path

import torch

from .publish import publish
from .recipe import LARGE, LAST_STAGE, ORDER, Recipe
from .run_recipe import run_recipe


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m mini_fila", description=__doc__)
    parser.add_argument("--output", type=Path, default=Path("outputs/mini"), help="continues what is there")
    parser.add_argument("--share", type=float, default=1.0, help="of the recipe's steps, data and questions, for a try")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--large",
        action=argparse.BooleanOptionalAction,
        default=torch.cuda.is_available(),
        help="more of everything, on a GPU; default where there is one",
    )
    parser.add_argument("--until", choices=[stage for stage, _ in ORDER], help="end after this stage, unmeasured")
    options = parser.parse_args(arguments)
    if options.large and not torch.cuda.is_available():
        parser.error("--large needs a GPU, and PyTorch sees none.")
    recipe = LARGE if options.large else Recipe()
    recipe = replace(recipe, seed=options.seed).scaled(options.share)
    try:
        trained = run_recipe(options.output, recipe, until=options.until or LAST_STAGE)
    except ValueError as error:
        print(f"{parser.prog}: {error}", file=sys.stderr)
        return 2
    if options.until is not None:
        return 0
    publish(trained, options.output / "fila-video-mini", share=options.share)
    return 0


if __name__ == "__main__":
    sys.exit(main())
