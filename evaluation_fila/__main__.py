"""python -m evaluation_fila make-data | ask | coverage"""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from .evaluate import as_table, ask_split, scores_of, write_results
from .make_data import DataPlan, make_data
from .splits import SPLITS
from .wordings import QUESTION_TYPES
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
    _add_ask(commands, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    _add_coverage(commands, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    return parser


def _add_make_data(commands, **style) -> None:
    parser = commands.add_parser("make-data", help="draw videos of the small world, with questions and truth", **style)
    parser.set_defaults(run=_make_data)
    parser.add_argument("output", type=Path, help="the folder to write")
    parser.add_argument("--videos", type=int, required=True, help="how many")
    parser.add_argument("--split", choices=SPLITS, default="train", help="which of the videos that never mix")
    parser.add_argument("--questions-per-video", type=int, default=8, help="all different")
    parser.add_argument("--questions-per-record", type=int, help="turns of a conversation (default: all questions)")
    parser.add_argument("--types", nargs="+", choices=QUESTION_TYPES, help="the only ones that are asked; default: all")
    parser.add_argument("--most-wordings", type=int, help="of each type, those of training that are used; default: all")
    parser.add_argument("--more-wordings", action="store_true", help="also those that no test has, for training")
    parser.add_argument("--seed", type=int, default=0, help="another one: other videos of the same split")
    parser.add_argument("--scenes", type=int, nargs=2, default=USUAL_WORLD.scenes, help="least and most in a video")
    parser.add_argument(
        "--seconds", type=float, nargs=2, default=USUAL_WORLD.seconds, help="shortest and longest video"
    )
    parser.add_argument("--events", type=int, nargs=2, default=USUAL_WORLD.events, help="short events, least and most")
    parser.add_argument(
        "--shortest-share", type=float, default=USUAL_WORLD.shortest_share, help="of the video, of a scene"
    )
    parser.add_argument(
        "--changes-on-frames", type=int, help="all begins on one of so many even frames, without events; default: any"
    )
    parser.add_argument("--uneven", action="store_true", help="only these frames, at uneven times")
    parser.add_argument("--workers", type=int, default=1, help="processes")


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
    )
    make_data(options.output, plan, num_workers=options.workers)


def _add_ask(commands, **style) -> None:
    parser = commands.add_parser("ask", help="ask a model every question of what make-data wrote", **style)
    parser.set_defaults(run=_ask)
    parser.add_argument("model", help="a folder or Hub id")
    parser.add_argument("data", type=Path, help="the folder that make-data wrote")
    parser.add_argument("--output", type=Path, help="a JSON file for scores and answers")
    parser.add_argument("--max-questions", type=int, help="the first ones only")
    parser.add_argument("--batch-size", type=int, default=16, help="questions at once")
    parser.add_argument("--dtype", default="float32", help="of the weights")
    parser.add_argument("--trust-remote-code", action="store_true", help="run the code that comes with the model")


def _ask(options: argparse.Namespace) -> None:
    from transformers import pipeline  # slow to import, and drawing does without

    import processing_fila  # noqa: F401  (registers this project's own code)

    pipe = pipeline(
        "video-text-to-text", options.model, dtype=options.dtype, trust_remote_code=options.trust_remote_code
    )
    asked = ask_split(pipe, options.data, batch_size=options.batch_size, max_questions=options.max_questions)
    answered = list(asked)
    print(as_table(scores_of(answered)))
    if options.output:
        about = {"model": options.model, "data": options.data.name, "dtype": options.dtype}
        write_results(options.output, answered, about)


def _add_coverage(commands, **style) -> None:
    parser = commands.add_parser("coverage", help="which share of real clips, joined, has a representative", **style)
    parser.set_defaults(run=_coverage)
    parser.add_argument("model", help="a folder or Hub id; its vision tower is used")
    parser.add_argument("clips", type=Path, nargs="+", help="video files, each of something else")
    parser.add_argument("--frames", type=int, default=96, help="sampled from each video")
    parser.add_argument("--scenes", type=int, nargs="+", default=[8, 16, 32], help="kept of them")
    parser.add_argument("--videos", type=int, default=200, help="made of cuts of the clips")
    parser.add_argument("--output", type=Path, help="a JSON file")
    parser.add_argument("--trust-remote-code", action="store_true", help="run the code that comes with the model")


def _coverage(options: argparse.Namespace) -> None:
    from transformers import AutoModelForImageTextToText, AutoProcessor  # slow to import

    import processing_fila  # noqa: F401  (registers this project's own code)

    from .coverage import as_table, encode_clips, measure_coverage

    loading = {"trust_remote_code": options.trust_remote_code}
    model = AutoModelForImageTextToText.from_pretrained(options.model, **loading)
    clips = encode_clips(model, AutoProcessor.from_pretrained(options.model, **loading), options.clips)
    found = measure_coverage(
        clips, num_frames=options.frames, numbers_of_scenes=options.scenes, num_videos=options.videos
    )
    print(as_table(found))
    if options.output:
        about = {"model": options.model, "clips": [path.name for path in options.clips], "frames": options.frames}
        rows = [asdict(row) for row in found]
        options.output.write_text(json.dumps({**about, "videos": options.videos, "coverage": rows}, indent=1) + "\n")


if __name__ == "__main__":
    sys.exit(main())
