"""python -m mini_fila: trains fila-video-mini from nothing, measures it, and writes it as it is shipped."""

import argparse
import sys
from pathlib import Path

from .publish import publish
from .recipe import Recipe, run_recipe


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m mini_fila", description=__doc__)
    parser.add_argument("--output", type=Path, default=Path("outputs/mini"), help="continues what is there")
    parser.add_argument("--share", type=float, default=1.0, help="of the recipe's steps, data and questions, for a try")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    trained = run_recipe(options.output, Recipe(seed=options.seed).scaled(options.share))
    publish(trained, options.output / "fila-video-mini", share=options.share)
    return 0


if __name__ == "__main__":
    sys.exit(main())
