"""fila-video ask: questions about videos."""

from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from .answering import Record, by_video, error_line
from .answers_file import AnswersFile
from .ask_views import Shown, Silent
from .load_model import announce, load_pipeline, set_seed
from .options import AnswerOptions, ModelOptions, SubtitleOptions, VideoOptions, with_shared_options
from .requests import TRACK, Request, find_requests, split_arguments
from .show import note, print_document, print_json, silence_warnings
from .usage import BadUsage


PROGRAM = "fila-video ask"
OUTPUT = "Input and output"
SMALL_MODEL = "fila-video-mini"
ANSWERS_DEPEND_ON = ("revision", "dtype", "quantization")


@with_shared_options
def ask(
    arguments: Annotated[list[str], typer.Argument(hidden=True, metavar="VIDEO")],
    model: ModelOptions,
    video: VideoOptions,
    subtitles: SubtitleOptions,
    answers: AnswerOptions,
    question: Annotated[
        list[str],
        typer.Option(
            "--question",
            "-q",
            metavar="TEXT",
            rich_help_panel=OUTPUT,
            help="A question. Repeat it for more. All other arguments are then videos.",
        ),
    ] = [],  # noqa: B006 (Typer copies it)
    recursive: Annotated[
        bool,
        typer.Option(
            "--recursive", "-r", metavar="", rich_help_panel=OUTPUT, help="Also take the folders inside of a folder."
        ),
    ] = False,
    no_scenes: Annotated[
        bool,
        typer.Option("--no-scenes", metavar="", rich_help_panel=OUTPUT, help="Print the answers without the scenes."),
    ] = False,
    json: Annotated[
        bool,
        typer.Option("--json", metavar="", rich_help_panel=OUTPUT, help="Print one JSON document with all answers."),
    ] = False,
    jsonl: Annotated[
        bool, typer.Option("--jsonl", metavar="", rich_help_panel=OUTPUT, help="Print a line of JSON for each answer.")
    ] = False,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE.jsonl",
            dir_okay=False,
            rich_help_panel=OUTPUT,
            help="Append a line of JSON for each answer to this file. Run the same command again to continue: what is "
            "answered is skipped.",
        ),
    ] = None,
    stop_on_error: Annotated[
        bool,
        typer.Option(
            "--stop-on-error",
            metavar="",
            rich_help_panel=OUTPUT,
            help="End at the first video that cannot be read, not at the last.",
        ),
    ] = False,
) -> int:
    """
    Ask questions about videos.

    Each answer is followed by the scenes that it rests on, with their times.

    Name the videos first, then the questions in quotes. A VIDEO is a file, a URL,
    or a folder of videos. It can also be a .jsonl file with a request on each
    line, such as {"video": "clip.mp4", "question": "What happens?"}

    Example: fila-video ask clip.mp4 "What happens?" "Who is there?"
    """
    if json and (jsonl or output is not None):
        raise BadUsage(f"--json and {'--jsonl' if jsonl else '--output'}: give only one of them.")
    requests = list(find_requests(*split_arguments(arguments, question), recursive=recursive))
    _check_subtitles(subtitles, requests)
    settings = {"model": model.model or SMALL_MODEL, "options": _options(model, video, subtitles, answers)}
    with ExitStack() as stack:
        file = None
        if output is not None:
            file = stack.enter_context(AnswersFile(output, settings))
            requests = _unanswered(file, requests)
        pipe = _load(model, video, subtitles, answers) if requests else None
        groups = list(by_video(requests))
        is_shown = not (json or jsonl or file)
        view = Shown(groups, shows_scenes=not no_scenes) if is_shown else Silent(groups, prints_lines=jsonl)
        stack.enter_context(view)
        asked = _ask_all(view, pipe, stop_on_error=stop_on_error) if groups else ()
        records = [_passed_on(record, file, prints_line=jsonl) for record in asked]
    num_answered = sum(record["answer"] is not None for record in records)
    if file is not None:
        note(PROGRAM, f"{num_answered} of {len(requests)} answers were added to {file.path}.")
    if json:
        print_document({**settings, "answers": records})
    return int(num_answered < len(records))


def _check_subtitles(subtitles: SubtitleOptions, requests: list[Request]) -> None:
    """A subtitle file belongs to one video."""
    subtitles.check(some_have_their_own=any("subtitles" in request.options for request in requests))
    videos = {request.source for request in requests if "subtitles" not in request.options}
    if subtitles.file is not None and len(videos) > 1:
        raise BadUsage(
            f"--subtitles {subtitles.file} belongs to one video, but {len(videos)} are asked about: take --subtitles "
            f'{TRACK}, or name a file for each video in a .jsonl file of requests, under "subtitles".'
        )


def _load(model: ModelOptions, video: VideoOptions, subtitles: SubtitleOptions, answers: AnswerOptions) -> Any:
    silence_warnings(PROGRAM)
    announce(PROGRAM, model)
    call = {**video.given(), **subtitles.given(), **answers.given()}
    pipe = load_pipeline(PROGRAM, model, scene_merging=video.scene_merging, **call)
    set_seed(answers.seed)
    return pipe


def _ask_all(view: Shown | Silent, pipe: Any, *, stop_on_error: bool) -> Iterator[Record]:
    """Yields a record for each request. An error is reported once for each video."""
    with closing(view.ask(pipe)) as asked:
        for records in asked:
            yield from records
            if failed := [record for record in records if record["answer"] is None]:
                note(PROGRAM, error_line(failed[0]))
                if stop_on_error:
                    return


def _passed_on(record: Record, file: AnswersFile | None, *, prints_line: bool) -> Record:
    """Writes and prints a record as soon as it is there."""
    if file is not None:
        file.add(record)
    if prints_line:
        print_json(record)
    return record


def _unanswered(file: AnswersFile, requests: list[Request]) -> list[Request]:
    left = file.unanswered(requests)
    if len(left) < len(requests):
        note(PROGRAM, f"{file.path} already has {len(requests) - len(left)} of {len(requests)} answers.")
    return left


def _options(
    model: ModelOptions, video: VideoOptions, subtitles: SubtitleOptions, answers: AnswerOptions
) -> dict[str, Any]:
    """The options that answers depend on, as far as the user gave them."""
    of_model = {name: value for name, value in asdict(model).items() if name in ANSWERS_DEPEND_ON}
    given = {**of_model, **asdict(video), **asdict(subtitles), **asdict(answers)}
    return {name: value for name, value in given.items() if value not in (None, "auto")}
