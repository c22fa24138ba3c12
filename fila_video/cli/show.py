"""What the commands print: text for people on terminals and in pipes, JSON for programs, notices on standard error."""

import json
import re
import sys
import textwrap
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text


# Control characters of a terminal: an answer, a file name or an error may hold any. Tabs and line breaks stay.
CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
DEFAULT_COLUMNS = 80


def prepare_streams() -> None:
    """Lets any text be printed, whatever the encoding of the terminal is."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def printable(text: str) -> str:
    """Text without the characters that control a terminal."""
    return CONTROLS.sub("", text)


def note(program: str, text: object) -> None:
    """Prints a notice on standard error: one line, which is broken between words if that is a terminal."""
    line = f"{program}: {printable(' '.join(str(text).split()))}"
    if sys.stderr.isatty():
        line = textwrap.fill(line, Console(stderr=True).width, break_long_words=False, break_on_hyphens=False)
    print(line, file=sys.stderr, flush=True)


def say(text: str, *, style: str = "", end: str = "\n") -> None:
    """Prints text on standard output, in a style if that is a terminal with colors."""
    Console(highlight=False, soft_wrap=True).print(Text(printable(text), style), end=end)


def columns() -> int:
    """The width of the terminal."""
    return Console().width if sys.stdout.isatty() else DEFAULT_COLUMNS


@contextmanager
def waiting(text: str) -> Iterator["Waiting"]:
    """Shows what the program waits for, on standard error, if that is a terminal."""
    shown = Waiting(text)
    try:
        yield shown
    finally:
        shown.stop()


class Waiting:
    """A line on standard error that moves until `stop` is called."""

    def __init__(self, text: str):
        self._console = Console(stderr=True)
        self._status = self._console.status(Text(printable(text))) if self._console.is_terminal else None
        if self._status is not None:
            self._status.start()

    def update(self, text: str) -> None:
        if self._status is not None:
            self._status.update(Text(printable(text)))

    def stop(self) -> None:
        if self._status is not None:
            self._status.stop()
            self._status = None


class WrappedText:
    """Prints text as it comes, word by word, and breaks lines between words if standard output is a terminal."""

    def __init__(self) -> None:
        self._width = columns() if sys.stdout.isatty() else None
        self._column = 0

    def write(self, text: str) -> None:
        for word in re.findall(r"\n|[^\S\n]*[^\s]+|[^\S\n]+$", printable(text)):
            self._write_word(word)
        sys.stdout.flush()

    def _write_word(self, word: str) -> None:
        if word == "\n":
            self._column = 0
        elif self._width is not None and self._column and self._column + cell_len(word) > self._width:
            word = word.lstrip()
            self._column = cell_len(word)
            sys.stdout.write("\n")
        else:
            self._column += cell_len(word)
        sys.stdout.write(word)

    @property
    def is_at_start(self) -> bool:
        """Whether nothing stands in the line."""
        return self._column == 0

    def end_line(self) -> None:
        """Ends the line, if anything stands in it."""
        if self._column:
            self.write("\n")


def clock(seconds: float) -> str:
    """A time as `0:03`, or `1:02:03` from an hour on."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def span(scene: dict[str, Any]) -> str:
    """The seconds from the first to the last frame of a scene: `2.9-3.2 s`."""
    first, last = (f"{limit(scene['frame_seconds']):.1f}" for limit in (min, max))
    return f"{first} s" if first == last else f"{first}-{last} s"


def scene_lines(scenes: Sequence[dict[str, Any]], *, width: int, title: str = "Scenes: ") -> list[str]:
    """Lines with all scenes in columns: the time of each representative, and the seconds of the merged frames."""
    cells = [f"{clock(scene['representative_seconds'])} ({span(scene)})" for scene in scenes]
    if not cells:
        return []
    cell_width = max(map(len, cells)) + 2
    per_line = max((width - len(title) + 2) // cell_width, 1)
    rows = [cells[start : start + per_line] for start in range(0, len(cells), per_line)]
    lines = ["".join(cell.ljust(cell_width) for cell in row).rstrip() for row in rows]
    return [(" " * len(title) if number else title) + line for number, line in enumerate(lines)]


def print_scene_table(scenes: Sequence[dict[str, Any]]) -> None:
    """Prints a line for each scene: its number, the time of its representative, and the times of its frames."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("scene", "time", "seconds"):
        table.add_column(title, justify="right")
    table.add_column("merged frames, in seconds")
    for number, scene in enumerate(scenes, start=1):
        frames = ", ".join(dict.fromkeys(f"{seconds:.2f}" for seconds in scene["frame_seconds"]))
        seconds = scene["representative_seconds"]
        table.add_row(str(number), clock(seconds), f"{seconds:.2f}", frames)
    Console(highlight=False).print(table)


def to_json(value: Any) -> str:
    """JSON on one line: readable in any language, or in ASCII where UTF-8 cannot hold it, as some names of files."""
    text = json.dumps(value, ensure_ascii=False)
    try:
        text.encode()
    except UnicodeEncodeError:
        text = json.dumps(value)
    return CONTROLS.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def print_json(value: Any) -> None:
    """Prints a line of JSON, in UTF-8 whatever the terminal has."""
    _print_utf8(to_json(value))


def print_document(document: dict[str, Any]) -> None:
    """Prints one JSON object. Each item of a list in it, and each other value, has a line of its own."""
    fields = []
    for name, value in document.items():
        shown = to_json(value)
        if isinstance(value, list) and value:
            shown = "[\n  " + ",\n  ".join(map(to_json, value)) + "\n ]"
        fields.append(f" {to_json(name)}: {shown}")
    _print_utf8("{\n" + ",\n".join(fields) + "\n}")


def _print_utf8(text: str) -> None:
    sys.stdout.flush()
    sys.stdout.buffer.write(f"{text}\n".encode())
    sys.stdout.flush()


def silence_warnings(program: str) -> None:
    """Shows no warnings of other packages. What is missing of a video or its subtitles becomes a notice."""
    from processing_fila.reader_errors import VideoDamageWarning
    from processing_fila.subtitle_text import SubtitleWarning

    if not sys.warnoptions:
        warnings.simplefilter("ignore")
    own = VideoDamageWarning, SubtitleWarning
    for category in own:
        warnings.filterwarnings("always", category=category)
    others = warnings.showwarning

    def show(message: Any, category: type[Warning], *place: Any, **options: Any) -> None:
        if issubclass(category, own):
            note(program, message)
        else:
            others(message, category, *place, **options)

    warnings.showwarning = show


def silence_transformers() -> None:
    """Shows no warnings of transformers, and no progress bars that tell nothing about what the user waits for."""
    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()


@contextmanager
def download_bars() -> Iterator[None]:
    """Shows the progress of downloads from the Hub inside of the block, if standard error is a terminal."""
    from huggingface_hub.utils import disable_progress_bars, enable_progress_bars

    if sys.stderr.isatty():
        enable_progress_bars()
    try:
        yield
    finally:
        disable_progress_bars()
