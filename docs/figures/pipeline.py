"""Draws the pipeline of the paper.

    python docs/figures/pipeline.py [--output docs/figures/pipeline.svg]

The suffix of the output chooses the format.
"""

import argparse
from pathlib import Path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, default=Path(__file__).with_name("pipeline.svg"), help="file to write")
    options = parser.parse_args()
    from pipeline_drawing import draw  # loads matplotlib, which --help does not need

    draw(options.output)


if __name__ == "__main__":
    main()
