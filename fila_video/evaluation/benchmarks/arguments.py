"""The command line of the benchmarks."""

import argparse
from pathlib import Path
from typing import Any

from .. import commands
from .paper_tasks import NAMES
from .variants_of_model import ABLATIONS


def add_benchmarks(subparsers: Any, **style: Any) -> None:
    """Adds the command `benchmarks` to a parser."""
    parser = subparsers.add_parser(
        "benchmarks", help="measure a model with the benchmarks of the paper, through lmms-eval", **style
    )
    parser.set_defaults(run=commands.benchmarks)
    parser.add_argument("model", help="folder or Hub id of a FiLA-Video model")
    parser.add_argument(
        "--tasks",
        type=_names,
        default=["table1"],
        metavar="TASK,...",
        help=f"tasks of lmms-eval, separated by commas; choose from {', '.join(NAMES)} (default: table1, all but the "
        "last two)",
    )
    parser.add_argument("--limit", type=_positive, metavar="N", help="ask only the first N questions of each task")
    parser.add_argument("--base", metavar="MODEL", help="folder or Hub id of a second model, to compare with")
    parser.add_argument("--ablation", choices=ABLATIONS, help="measure the model with other settings, and compare")
    parser.add_argument(
        "--output",
        type=Path,
        default=Path("outputs/benchmarks"),
        help="folder for the results; running the command again continues",
    )
    parser.add_argument(
        "--published", type=Path, metavar="FILE", help="JSON file with rows of a paper, which the table shows above"
    )
    parser.add_argument("--check", action="store_true", help="only check what is missing, and print what would be done")
    parser.add_argument(
        "--submit", action="store_true", help="allow the task egoschema to send the answers to its public server"
    )
    _add_model_options(parser)


def _add_model_options(parser: argparse.ArgumentParser) -> None:
    own = "default: the model's own"
    parser.add_argument("--revision", metavar="NAME", help="branch, tag or commit of the model on the Hub")
    parser.add_argument("--num-frames", type=_positive, metavar="N", help=f"frames sampled from each video ({own})")
    parser.add_argument("--num-scenes", type=_positive, metavar="N", help=f"scenes selected from them ({own})")
    parser.add_argument("--scene-selection", metavar="METHOD", help=f"kmeans, uniform or bsm ({own})")
    parser.add_argument("--scene-supplement", metavar="FRAMES", help=f"similar or dissimilar ({own})")
    parser.add_argument("--scene-merging", metavar="METHOD", help=f"average or bsm ({own})")
    parser.add_argument(
        "--timestamps",
        metavar="TIMES",
        help=f"times that the model reads: sampled, selected, interleaved or none ({own})",
    )
    parser.add_argument("--dtype", default="auto", help="number format of the weights, for example bfloat16")
    parser.add_argument("--device", help="where the model runs (default: the GPUs, if there are any)")
    parser.add_argument("--attn-implementation", metavar="NAME", help="attention of transformers, for example sdpa")
    parser.add_argument(
        "--batch-size", type=_positive, default=1, metavar="N", help="questions about a video answered together"
    )


def _names(text: str) -> list[str]:
    return [name for name in text.split(",") if name]


def _positive(text: str) -> int:
    if (number := int(text)) < 1:
        raise argparse.ArgumentTypeError(f"{number} is not at least 1")
    return number
