"""What `ask` shows while it works: the answers as they are generated, or how far it is."""

import sys
from types import TracebackType
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from .answering import Record, answer, streamer
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
        self._num_asked = 0

    def ask(self, pipe: Any, group: list[Request]) -> list[Record]:
        """Asks all questions about a video."""
        if self._num_asked:
            say("")
        self._num_asked += 1
        if self._has_headings:
            say(group[0].video, style="bold")
        text = WrappedText()
        waiting = Waiting(f"Reading {group[0].video}")

        def begin(number: int) -> None:
            waiting.update("Answering")
            if self._has_questions:
                waiting.stop()
                say(f"> {group[number].question}", style="cyan")

        def write(piece: str) -> None:
            if piece:
                waiting.stop()
                text.write(piece)

        def end(number: int) -> None:
            if text.is_at_start:
                say("(The model wrote nothing.)", style="dim")
            text.end_line()

        try:
            records = answer(pipe, group, streamer=streamer(pipe, write, begin=begin, end=end))
        finally:
            waiting.stop()
            text.end_line()
        self._print_scenes(records)
        return records

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

    def ask(self, pipe: Any, group: list[Request]) -> list[Record]:
        """Asks all questions about a video."""
        records = answer(pipe, group)
        self._progress.advance(self._task)
        return records

    def __enter__(self) -> "Silent":
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()
