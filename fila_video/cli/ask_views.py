"""What `ask` shows while it works: the answers as they are generated, or how far it is."""

import sys
from collections.abc import Generator, Iterator
from contextlib import closing
from types import TracebackType
from typing import Any, cast

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from .answering import Record, answer_all, streamer
from .requests import Request
from .show import Waiting, WrappedText, columns, say, scene_lines


class Shown:
    """
    Prints answers for people, as they are generated, and then the scenes of the video.

    Args:
        groups: All requests, by video.
        shows_scenes: Whether to print the scenes.
    """

    def __init__(self, groups: list[list[Request]], *, shows_scenes: bool):
        self._has_headings = len(groups) > 1
        self._has_questions = len({request.question for group in groups for request in group}) > 1
        self._shows_scenes = shows_scenes
        self._groups = groups
        self._questions: Iterator[Request] = iter(())  # about this video, those that are not asked yet
        self._text, self._waiting = WrappedText(), cast("Waiting | None", None)

    def ask(self, pipe: Any) -> Generator[list[Record]]:
        """Asks all questions, and yields the records of each video."""
        shown = streamer(pipe, self._write, begin=self._begin, end=self._end)
        with closing(answer_all(pipe, self._groups, streamer=shown)) as answers:
            for place, group in enumerate(self._groups):
                if place:
                    say("")
                if self._has_headings:
                    say(group[0].video, style="bold")
                self._questions, self._waiting = iter(group), Waiting(f"Reading {group[0].video}")
                try:
                    records = next(answers)
                finally:
                    self._stop_waiting()
                    self._text.end_line()
                self._print_scenes(records)
                yield records

    def _begin(self, number: int) -> None:
        question = next(self._questions).question
        if self._waiting is not None:
            self._waiting.update("Answering")
        if self._has_questions:
            self._stop_waiting()
            say(f"> {question}", style="cyan")

    def _write(self, piece: str) -> None:
        if piece:
            self._stop_waiting()
            self._text.write(piece)

    def _end(self, number: int) -> None:
        if self._text.is_at_start:
            say("(The model wrote nothing.)", style="dim")
        self._text.end_line()

    def _stop_waiting(self) -> None:
        if self._waiting is not None:
            self._waiting.stop()
            self._waiting = None

    def _print_scenes(self, records: list[Record]) -> None:
        """The scenes of a video are the same for all questions."""
        if self._shows_scenes and records[0]["answer"] is not None:
            say("")
            for line in scene_lines(records[0]["scenes"], width=columns()):
                say(line, style="dim")

    def __enter__(self) -> "Shown":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass


class Silent:
    """
    Prints no answers. Shows how many videos are done, on standard error, if that is a terminal.

    Args:
        groups: All requests, by video.
        prints_lines: Whether the command itself prints lines, which a moving bar would disturb on the same terminal.
    """

    def __init__(self, groups: list[list[Request]], *, prints_lines: bool):
        console = Console(stderr=True)
        is_off = not console.is_terminal or len(groups) < 2 or (prints_lines and sys.stdout.isatty())
        parts = (TextColumn("Videos"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        self._progress = Progress(*parts, console=console, disable=is_off, transient=True)
        self._task = self._progress.add_task("", total=len(groups))
        self._groups = groups

    def ask(self, pipe: Any) -> Generator[list[Record]]:
        """Asks all questions, and yields the records of each video."""
        with closing(answer_all(pipe, self._groups)) as answers:
            for records in answers:
                self._progress.advance(self._task)
                yield records

    def __enter__(self) -> "Silent":
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()
