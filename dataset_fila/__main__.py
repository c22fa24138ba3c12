"""python -m dataset_fila plan|join|stats|validate"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from . import commands
from .commands import CommandError
from .durations import DISTRIBUTIONS, PAPER_MEAN_SECONDS
from .plan import FORMATS, SOURCES
from .validate import DECODE
from .workers import num_processors


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status: 0; 1 if something is wrong with the data, which is printed; 2 for a command that cannot be run."""
    options = _parser().parse_args(arguments)
    try:
        return options.run(options)
    except CommandError as error:
        print(f"python -m dataset_fila {options.command}: {error}", file=sys.stderr)
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m dataset_fila",
        description="Long videos from short captioned ones: plan which, join them, look at the result, check it.",
    )
    subparsers = parser.add_subparsers(dest="command", required=True)
    for add in (_add_plan, _add_join, _add_stats, _add_validate):
        add(subparsers, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    return parser


def _add_plan(subparsers, **style) -> None:
    parser = subparsers.add_parser("plan", help="probe clips and draw which of them make which long video", **style)
    parser.set_defaults(run=commands.plan)
    parser.add_argument("captions", nargs="+", type=Path, help="LLaVA-Video-178K records or lines of video and caption")
    parser.add_argument("--video-root", type=Path, required=True, help="where the paths in the captions start")
    parser.add_argument("--output", type=Path, required=True, help="the dataset's folder")
    parser.add_argument("--num-videos", type=int, required=True, help="long videos to plan")
    parser.add_argument("--seed", type=int, default=0, help="same seed and clips, same plan")
    parser.add_argument("--durations", choices=DISTRIBUTIONS, default="exponential", help="how durations are drawn")
    parser.add_argument("--min-seconds", type=float, default=300.0, help="shortest long video")
    parser.add_argument("--max-seconds", type=float, default=1800.0, help="longest long video")
    parser.add_argument("--mean-seconds", type=float, default=PAPER_MEAN_SECONDS, help="mean of the exponential")
    parser.add_argument("--sources", choices=SOURCES, default="mixed", help="clips of all or of one in a video")
    parser.add_argument("--formats", choices=FORMATS, default="any", help="same: nothing has to be transcoded")
    parser.add_argument("--decode", choices=("first", "all"), default="first", help="frames of each clip to decode")
    _add_workers(parser, has_ray=False)


def _add_join(subparsers, **style) -> None:
    parser = subparsers.add_parser("join", help="make the planned videos and the annotations", **style)
    parser.set_defaults(run=commands.join)
    parser.add_argument("output", type=Path, help="the folder that `plan` wrote to")
    parser.add_argument("--video-root", type=Path, required=True, help="where the clips are")
    parser.add_argument("--audio", choices=("drop", "keep"), default="drop", help="the sound of the clips")
    parser.add_argument("--height", type=int, default=480, help="of clips that have to be transcoded")
    parser.add_argument("--width", type=int, default=854, help="of clips that have to be transcoded")
    parser.add_argument("--prompt-frames", type=int, default=96, help="frames in the user's sentence; 0: no sentence")
    parser.add_argument("--questions", type=int, default=0, help="for each video; not from the paper")
    parser.add_argument("--license", default="other", help="for the header of the dataset card")
    _add_workers(parser, has_ray=True)


def _add_stats(subparsers, **style) -> None:
    parser = subparsers.add_parser("stats", help="table and plots of durations and caption lengths", **style)
    parser.set_defaults(run=commands.stats)
    parser.add_argument("dataset", type=Path, help="a folder made by `join`, or a file in LLaVA's format")
    parser.add_argument("--video-root", type=Path, help="where the videos are, if not beside the annotations")
    parser.add_argument("--output", type=Path, help="for table and plots; default: `statistics` in the dataset")


def _add_validate(subparsers, **style) -> None:
    parser = subparsers.add_parser("validate", help="check records and videos before training", **style)
    parser.set_defaults(run=commands.validate)
    parser.add_argument("dataset", type=Path, help="a folder made by `join`, or a file in LLaVA's format")
    parser.add_argument("--video-root", type=Path, help="where the videos are, if not beside the annotations")
    parser.add_argument("--decode", choices=DECODE, default="boundaries", help="frames of each video to decode")
    parser.add_argument("--manifest", type=Path, help="file for length, frames and hash of every video")
    _add_workers(parser, has_ray=True)


def _add_workers(parser: argparse.ArgumentParser, has_ray: bool) -> None:
    parser.add_argument("--workers", type=int, default=num_processors(), help="processes; with --ray: tasks, 0 for all")
    if has_ray:
        parser.add_argument("--ray", metavar="ADDRESS", help="of a Ray cluster: auto, ray://host:10001, or local")


if __name__ == "__main__":
    sys.exit(main())
