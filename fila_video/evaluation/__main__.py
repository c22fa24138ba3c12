"""python -m fila_video.evaluation benchmarks|ask|coverage|events|subtitles|ablate|compare: measures models."""

import argparse
import sys
from collections.abc import Collection, Sequence
from pathlib import Path

from fila_video.common.command_line import HelpFormatter, run_reporting_errors
from fila_video.common.extras import require_extra
from processing_fila.subtitle_text import SUBTITLE_LINES

from . import commands
from .ablations.variants import TABLES
from .benchmarks.arguments import add_benchmarks
from .selections import OF_THE_SMALL_MODEL, SELECTIONS


PROGRAM = "python -m fila_video.evaluation"
DESCRIPTION = (
    "Measure models: the paper's benchmarks, answers about drawn videos, scenes, and variants of the method. "
    "With the name of a model in place of a command, the command is `benchmarks`."
)


def main(arguments: Sequence[str] | None = None, program: str = PROGRAM) -> int:
    """Runs the command and returns its exit status: 1 if something is wrong with the data."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    parser, names = _parser(program)
    if arguments and arguments[0] not in names and not arguments[0].startswith("-"):
        arguments = ["benchmarks", *arguments]
    options = parser.parse_args(arguments)
    return run_reporting_errors(f"{program} {options.command}", lambda: _run(options))


def _run(options: argparse.Namespace) -> int | None:
    if options.command == "benchmarks":
        require_extra("benchmarks", ("scipy", "tabulate"), purpose="The benchmarks")
        return options.run(options)
    require_extra("evaluation", ("matplotlib", "scipy", "statsmodels", "tabulate"), purpose="Evaluation")
    return options.run(options)


def _at_least_two(text: str) -> int:
    """An interval over seeds needs two of them."""
    if (number := int(text)) < 2:
        raise argparse.ArgumentTypeError(f"{number} is fewer than 2")
    return number


def _parser(program: str) -> tuple[argparse.ArgumentParser, Collection[str]]:
    """Returns the parser and the names of its commands."""
    parser = argparse.ArgumentParser(prog=program, description=DESCRIPTION)
    subparsers = parser.add_subparsers(dest="command", metavar="command", required=True, help="what to measure")
    for add in (add_benchmarks, _add_ask, _add_coverage, _add_events, _add_subtitles, _add_ablate, _add_compare):
        add(subparsers, formatter_class=HelpFormatter)
    return parser, subparsers.choices


def _add_ask(subparsers, **style) -> None:
    parser = subparsers.add_parser("ask", help="ask a model the questions about drawn videos", **style)
    parser.set_defaults(run=commands.ask)
    parser.add_argument("model", help="folder or Hub id of a model")
    parser.add_argument("data", type=Path, help="folder that `python -m fila_video.world make-data` wrote")
    parser.add_argument("--output", type=Path, help="JSON file for scores and answers")
    parser.add_argument("--max-questions", type=int, help="ask only this number of questions, the first ones")
    parser.add_argument("--batch-size", type=int, default=16, help="number of questions in a batch")
    parser.add_argument("--dtype", default="float32", help="dtype of the weights, for example bfloat16")
    parser.add_argument(
        "--subtitles",
        choices=SUBTITLE_LINES,
        help="let the model read the subtitles of videos drawn with --spoken-questions: which lines",
    )
    parser.add_argument(
        "--choice",
        choices=("generate", "likelihood"),
        default="generate",
        help="how to answer questions that offer choices: like all others, or by the most likely choice",
    )
    parser.add_argument(
        "--mean-of-tokens",
        action="store_true",
        help="with --choice likelihood, compare means over the tokens of a choice, not sums",
    )
    _add_trust(parser)


def _add_coverage(subparsers, **style) -> None:
    parser = subparsers.add_parser(
        "coverage", help="measure which share of the cuts of joined clips the selected scenes cover", **style
    )
    parser.set_defaults(run=commands.coverage)
    parser.add_argument("model", help="folder or Hub id of a model; only its vision tower is used")
    parser.add_argument("clips", type=Path, nargs="+", help="video files, each with a different subject")
    parser.add_argument("--frames", type=int, default=96, help="number of frames sampled from each joined video")
    parser.add_argument("--scenes", type=int, nargs="+", default=[8, 16, 32], help="numbers of scenes to select")
    parser.add_argument("--videos", type=int, default=200, help="number of videos to join from cuts of the clips")
    parser.add_argument(
        "--selection-layer",
        type=int,
        metavar="N",
        help="number of layers of the vision tower after which scenes are selected (default: that of the model)",
    )
    parser.add_argument("--output", type=Path, help="JSON file for the result")
    _add_trust(parser)


def _add_events(subparsers, **style) -> None:
    parser = subparsers.add_parser(
        "events", help="compare selected scenes with evenly spaced frames on short events", **style
    )
    parser.set_defaults(run=commands.events)
    parser.add_argument("model", type=Path, help="folder of the model")
    parser.add_argument("--output", type=Path, default=Path("outputs/events"), help="folder for videos and results")
    parser.add_argument("--videos", type=int, default=40, help="number of videos in each set")
    parser.add_argument("--seeds", type=int, default=3, help="number of sets of videos of each length")
    parser.add_argument(
        "--selections",
        nargs="+",
        choices=SELECTIONS,
        metavar="SELECTION",
        default=[OF_THE_SMALL_MODEL],
        help=f"ways of selecting scenes that are compared; choose from {', '.join(map(repr, SELECTIONS))}",
    )


def _add_subtitles(subparsers, **style) -> None:
    parser = subparsers.add_parser(
        "subtitles", help="ask about what is said in drawn videos, with and without subtitles", **style
    )
    parser.set_defaults(run=commands.subtitles)
    parser.add_argument("model", help="folder or Hub id of a model")
    parser.add_argument("--output", type=Path, default=Path("outputs/subtitles"), help="folder for videos and result")
    parser.add_argument("--videos", type=int, default=100, help="number of videos to draw")
    parser.add_argument("--questions", type=int, default=4, help="number of questions about each video")
    parser.add_argument("--lines", choices=SUBTITLE_LINES, default="all", help="which lines the model reads")
    _add_trust(parser)


def _add_ablate(subparsers, **style) -> None:
    parser = subparsers.add_parser("ablate", help="train and measure the rows of one of the paper's tables", **style)
    parser.set_defaults(run=commands.ablate)
    parser.add_argument("table", choices=TABLES, help="table to run")
    parser.add_argument(
        "--mini", type=Path, default=Path("outputs/mini"), help="folder that `python -m fila_video.mini` wrote"
    )
    parser.add_argument(
        "--output",
        type=Path,
        default=Path("outputs/ablations"),
        help="folder for results; running the command again continues",
    )
    parser.add_argument(
        "--seeds", type=_at_least_two, default=3, help="number of training runs of each row, at least 2"
    )
    parser.add_argument("--steps", type=int, default=1000, help="number of steps of each training run")
    parser.add_argument("--test-videos", type=int, default=50, help="number of test videos, with 16 questions each")


def _add_compare(subparsers, **style) -> None:
    parser = subparsers.add_parser(
        "compare", help="compare the scores of a trained small model with those of the shipped one", **style
    )
    parser.set_defaults(run=commands.compare)
    parser.add_argument("trained", type=Path, help="folder of the trained model, with its scores.json")
    parser.add_argument("shipped", type=Path, help="folder of the shipped model, with its scores.json")


def _add_trust(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--trust-remote-code", action="store_true", help="run the code that comes with the model")


if __name__ == "__main__":
    sys.exit(main())
