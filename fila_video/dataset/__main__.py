"""The command line `python -m fila_video.dataset plan|join|stats|validate`."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fila_video.common.command_line import HelpFormatter, run_reporting_errors
from fila_video.common.cpus import num_cpus

from . import commands
from .planning.durations import DISTRIBUTIONS, PAPER_MEAN_SECONDS
from .planning.plan import FORMATS, SOURCES
from .validation.validate_dataset import DECODE


PROGRAM = "python -m fila_video.dataset"
VIDEO_ROOT = "folder that the paths of the clips start from"
DATASET = "folder that `join` made, or a .json or .jsonl file in LLaVA's format"
DATASET_VIDEO_ROOT = "folder that the paths of the videos start from (default: the folder of the annotations)"


def main(arguments: Sequence[str] | None = None, program: str = PROGRAM) -> int:
    """Runs a command. Returns 0 for success, or 1 if something is wrong with the data, which is printed."""
    options = _parser(program).parse_args(arguments)
    return run_reporting_errors(f"{program} {options.command}", lambda: options.run(options))


def _parser(program: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=program,
        description="Make long training videos from short captioned clips: first `plan`, then `join`. `stats` "
        "describes the result, and `validate` checks it before training.",
    )
    subparsers = parser.add_subparsers(dest="command", required=True)
    for add in (_add_plan, _add_join, _add_stats, _add_validate):
        add(subparsers, formatter_class=HelpFormatter)
    return parser


def _add_plan(subparsers: Any, **style: Any) -> None:
    text = "open all clips, and draw which clips make up which long video"
    parser = subparsers.add_parser("plan", help=text, description=_sentence(text), **style)
    parser.set_defaults(run=commands.plan)
    parser.add_argument(
        "captions",
        nargs="+",
        type=Path,
        help='files of captions: LLaVA-Video-178K records, or lines {"video": ..., "caption": ...}',
    )
    parser.add_argument("--video-root", type=Path, required=True, help=VIDEO_ROOT)
    parser.add_argument("--output", type=Path, required=True, help="folder of the dataset; it is created if needed")
    parser.add_argument("--num-videos", type=int, required=True, help="number of long videos to plan")
    parser.add_argument("--seed", type=int, default=0, help="random seed; the same seed and clips give the same plan")
    parser.add_argument(
        "--durations", choices=DISTRIBUTIONS, default="exponential", help="distribution of the target durations"
    )
    parser.add_argument("--min-seconds", type=float, default=300.0, help="shortest duration of a long video")
    parser.add_argument("--max-seconds", type=float, default=1800.0, help="longest duration of a long video")
    parser.add_argument(
        "--mean-seconds", type=float, default=PAPER_MEAN_SECONDS, help="mean duration, with --durations exponential"
    )
    parser.add_argument(
        "--sources",
        choices=SOURCES,
        default="mixed",
        help="whether a long video mixes clips of all sources, or has clips of the same source only",
    )
    parser.add_argument(
        "--formats",
        choices=FORMATS,
        default="any",
        help="`any` mixes clips of all formats in a long video, and `join` transcodes them where they differ; `same` "
        "keeps to clips of the same format, which never have to be transcoded",
    )
    parser.add_argument(
        "--decode",
        choices=("first", "all"),
        default="first",
        help="frames to decode of each clip; `all` is slow, but finds every damaged clip",
    )
    _add_workers(parser, has_ray=False)


def _add_join(subparsers: Any, **style: Any) -> None:
    text = "make the planned long videos and their annotations"
    parser = subparsers.add_parser(
        "join",
        help=text,
        description=f"{_sentence(text)} If a run was stopped, the same command continues it.",
        **style,
    )
    parser.set_defaults(run=commands.join)
    parser.add_argument("output", type=Path, help="folder of the dataset, which has the plan that `plan` wrote")
    parser.add_argument("--video-root", type=Path, required=True, help=VIDEO_ROOT)
    parser.add_argument("--audio", choices=("drop", "keep"), default="drop", help="whether to keep the sound")
    parser.add_argument("--height", type=int, default=480, help="height in pixels of clips that have to be transcoded")
    parser.add_argument("--width", type=int, default=854, help="width in pixels of clips that have to be transcoded")
    parser.add_argument(
        "--prompt-frames",
        type=int,
        default=96,
        help="number of sampled frames whose times the user's turn lists; 0 leaves this sentence out",
    )
    parser.add_argument(
        "--questions", type=int, default=0, help="number of questions to ask about each long video; not from the paper"
    )
    parser.add_argument("--license", default="other", help="license identifier for the header of the dataset card")
    _add_workers(parser, has_ray=True)


def _add_stats(subparsers: Any, **style: Any) -> None:
    text = "print and plot the durations and caption lengths of a dataset"
    parser = subparsers.add_parser("stats", help=text, description=_sentence(text), **style)
    parser.set_defaults(run=commands.stats)
    parser.add_argument("dataset", type=Path, help=DATASET)
    parser.add_argument("--video-root", type=Path, help=DATASET_VIDEO_ROOT)
    parser.add_argument(
        "--output", type=Path, help="folder for the table and the plots (default: `statistics` in the dataset)"
    )


def _add_validate(subparsers: Any, **style: Any) -> None:
    text = "check all records and videos of a dataset before training"
    parser = subparsers.add_parser("validate", help=text, description=_sentence(text), **style)
    parser.set_defaults(run=commands.validate)
    parser.add_argument("dataset", type=Path, help=DATASET)
    parser.add_argument("--video-root", type=Path, help=DATASET_VIDEO_ROOT)
    parser.add_argument(
        "--decode",
        choices=DECODE,
        default="boundaries",
        help="frames to decode of each video: the first frame of each scene, or all frames",
    )
    parser.add_argument(
        "--manifest",
        type=Path,
        help="file to write; it gets the length, the number of frames and the hash of each video",
    )
    _add_workers(parser, has_ray=True)


def _add_workers(parser: argparse.ArgumentParser, has_ray: bool) -> None:
    text = "number of processes"
    if has_ray:
        text += "; with --ray: number of tasks that run at the same time, 0 means one task for each CPU of the cluster"
        parser.add_argument(
            "--ray",
            metavar="ADDRESS",
            help="work on a Ray cluster at this address: auto, ray://HOST:10001, or local to start Ray on this machine",
        )
    parser.add_argument("--workers", type=int, default=num_cpus(), help=text)


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."


if __name__ == "__main__":
    sys.exit(main())
