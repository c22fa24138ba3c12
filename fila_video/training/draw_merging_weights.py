"""
Draws the merging weights W (eq. 7 and 8) of a checkpoint.

The picture shows how far training has moved them from the mean, 1/K.

    python -m fila_video.training.draw_merging_weights CHECKPOINT PICTURE.png
"""

import argparse
import sys
from pathlib import Path

from fila_video.common.command_line import run_reporting_errors

from .train_extra import require_train_extra


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m fila_video.training.draw_merging_weights",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("checkpoint", type=Path, help="folder of a checkpoint with weighted scene merging")
    parser.add_argument(
        "picture", type=Path, help="file to write; its suffix chooses the format, such as .png, .svg or .pdf"
    )
    options = parser.parse_args(arguments)
    return run_reporting_errors(parser.prog, lambda: _draw(options.checkpoint, options.picture))


def _draw(checkpoint: Path, picture: Path) -> None:
    # Imported here: `--help` needs neither torch nor the extra `train`.
    require_train_extra()
    from .model.merging_weights import draw_merging_weights, read_merging_weight

    weight = read_merging_weight(checkpoint)
    if weight is None:
        raise ValueError(f"{checkpoint} has no weighted scene merging.")
    draw_merging_weights(weight, picture)


if __name__ == "__main__":
    sys.exit(main())
