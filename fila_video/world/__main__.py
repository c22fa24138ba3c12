"""python -m fila_video.world make-data: draws videos, and questions about them whose answers are known."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from fila_video.common.command_line import HelpFormatter, run_reporting_errors

from .make_data import DataPlan, make_data
from .splits import SPLITS
from .wordings import QUESTION_TYPES
from .world_options import USUAL_WORLD, WorldOptions


PROGRAM = "python -m fila_video.world"


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command and returns its exit status: 1 if something is wrong with the data."""
    options = _parser().parse_args(arguments)
    return run_reporting_errors(f"{PROGRAM} {options.command}", lambda: options.run(options))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=PROGRAM, description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    _add_make_data(commands, formatter_class=HelpFormatter)
    return parser


def _add_make_data(commands, **style) -> None:
    parser = commands.add_parser("make-data", help="draw videos, and questions with their answers", **style)
    parser.set_defaults(run=_make_data)
    parser.add_argument("output", type=Path, help="folder to write")
    parser.add_argument("--videos", type=int, required=True, help="number of videos to draw")
    parser.add_argument(
        "--split",
        choices=SPLITS,
        default="train",
        metavar="SPLIT",
        help=f"split to draw from; splits share no video; one of: {', '.join(SPLITS)}",
    )
    parser.add_argument(
        "--seed", type=int, default=0, help="random seed; a different seed draws different videos of the same split"
    )
    parser.add_argument("--workers", type=int, default=1, help="number of processes")
    _add_questions(parser.add_argument_group("questions"))
    _add_video_options(parser.add_argument_group("videos"))


def _add_questions(group) -> None:
    group.add_argument("--questions-per-video", type=int, default=8, help="number of questions about each video")
    group.add_argument(
        "--questions-per-record",
        type=int,
        help="largest number of questions in one conversation (default: all questions about a video)",
    )
    group.add_argument(
        "--types",
        nargs="+",
        choices=QUESTION_TYPES,
        metavar="TYPE",
        help=f"types of questions (default: all types): {', '.join(QUESTION_TYPES)}",
    )
    group.add_argument(
        "--spoken-questions",
        type=int,
        default=0,
        metavar="N",
        help="number of further questions about each video that only its subtitles answer; writes subtitles too",
    )
    group.add_argument("--most-wordings", type=int, help="largest number of wordings of each type (default: all)")
    group.add_argument("--more-wordings", action="store_true", help="use additional wordings; for training only")


def _add_video_options(group) -> None:
    group.add_argument(
        "--scenes",
        type=int,
        nargs=2,
        default=USUAL_WORLD.scenes,
        metavar=("MIN", "MAX"),
        help="smallest and largest number of scenes",
    )
    group.add_argument(
        "--seconds",
        type=float,
        nargs=2,
        default=USUAL_WORLD.seconds,
        metavar=("MIN", "MAX"),
        help="lengths of the shortest and the longest video in seconds",
    )
    group.add_argument(
        "--events",
        type=int,
        nargs=2,
        default=USUAL_WORLD.events,
        metavar=("MIN", "MAX"),
        help="smallest and largest number of short events",
    )
    group.add_argument(
        "--shortest-share",
        type=float,
        default=USUAL_WORLD.shortest_share,
        help="length of the shortest scene, as a share of the length of the video",
    )
    group.add_argument(
        "--changes-on-frames",
        type=int,
        metavar="N",
        help="let scenes and objects begin only on N evenly spaced frames; excludes --events (default: any frame)",
    )
    group.add_argument(
        "--uneven",
        action="store_true",
        help="give the video only the frames of --changes-on-frames, at irregular times",
    )


def _make_data(options: argparse.Namespace) -> None:
    world = WorldOptions(
        scenes=tuple(options.scenes),
        seconds=tuple(options.seconds),
        events=tuple(options.events),
        shortest_share=options.shortest_share,
        changes_on_frames=options.changes_on_frames,
        uneven=options.uneven,
    )
    plan = DataPlan(
        split=options.split,
        num_videos=options.videos,
        questions_per_video=options.questions_per_video,
        seed=options.seed,
        options=world,
        questions_per_record=options.questions_per_record,
        most_wordings=options.most_wordings,
        more_wordings=options.more_wordings,
        types=options.types and tuple(options.types),
        spoken_questions=options.spoken_questions,
    )
    make_data(options.output, plan, num_workers=options.workers)


if __name__ == "__main__":
    sys.exit(main())
