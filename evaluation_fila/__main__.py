"""python -m evaluation_fila make-data"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from .make_data import DataPlan, make_data
from .splits import SPLITS
from .world import USUAL_WORLD, WorldOptions


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status: 0, or 2 for a command that cannot be run."""
    options = _parser().parse_args(arguments)
    try:
        options.run(options)
    except (ValueError, OSError) as error:
        print(f"python -m evaluation_fila {options.command}: {error}", file=sys.stderr)
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m evaluation_fila", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    _add_make_data(commands, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    return parser


def _add_make_data(commands, **style) -> None:
    parser = commands.add_parser("make-data", help="draw videos of the small world, with questions and truth", **style)
    parser.set_defaults(run=_make_data)
    parser.add_argument("output", type=Path, help="the folder to write")
    parser.add_argument("--videos", type=int, required=True, help="how many")
    parser.add_argument("--split", choices=SPLITS, default="train", help="which of the videos that never mix")
    parser.add_argument("--questions-per-video", type=int, default=8, help="turns of each record")
    parser.add_argument("--seed", type=int, default=0, help="another one: other videos of the same split")
    parser.add_argument("--scenes", type=int, nargs=2, default=USUAL_WORLD.scenes, help="least and most in a video")
    parser.add_argument(
        "--seconds", type=float, nargs=2, default=USUAL_WORLD.seconds, help="shortest and longest video"
    )
    parser.add_argument("--events", type=int, nargs=2, default=USUAL_WORLD.events, help="short events, least and most")
    parser.add_argument(
        "--shortest-share", type=float, default=USUAL_WORLD.shortest_share, help="of the video, of a scene"
    )
    parser.add_argument("--workers", type=int, default=1, help="processes")


def _make_data(options: argparse.Namespace) -> None:
    world = WorldOptions(
        scenes=tuple(options.scenes),
        seconds=tuple(options.seconds),
        events=tuple(options.events),
        shortest_share=options.shortest_share,
    )
    plan = DataPlan(options.split, options.videos, options.questions_per_video, options.seed, world)
    make_data(options.output, plan, num_workers=options.workers)


if __name__ == "__main__":
    sys.exit(main())
