"""fila-video chat: a conversation about one video."""

import sys
from typing import Annotated, Any

import typer

from .answering import find_scenes, streamer
from .load_model import announce, load_pipeline, set_seed
from .options import AnswerOptions, ModelOptions, SubtitleOptions, VideoOptions, with_shared_options
from .requests import check_exists
from .show import Waiting, WrappedText, note, print_scene_table, say, silence_warnings, waiting


PROGRAM = "fila-video chat"
PROMPT = "> "
HELP = """\
/scenes     show the scenes that the model looks at
/frames N   look at N frames of the video from now on
/clear      forget the conversation; the video stays
/help       show this list
/quit       leave (so does Ctrl-D)
Ctrl-C      stop the answer that is being written"""


@with_shared_options
def chat(
    video: Annotated[str, typer.Argument(hidden=True, metavar="VIDEO")],
    model: ModelOptions,
    frames: VideoOptions,
    subtitles: SubtitleOptions,
    answers: AnswerOptions,
) -> None:
    """
    Talk about a video: the model knows what was said before.

    The VIDEO is a file or a URL. Type /help for the commands of a chat, such as /scenes.

    Example: fila-video chat clip.mp4
    """
    check_exists(video)
    subtitles.check()
    silence_warnings(PROGRAM)
    announce(PROGRAM, model)
    call = {**frames.given(), **subtitles.given(), **answers.given()}
    pipe = load_pipeline(PROGRAM, model, scene_merging=frames.scene_merging, **call)
    set_seed(answers.seed)
    if sys.stdin.isatty():
        say(f"Ask about {video}. /help lists the commands, /quit leaves.", style="dim")
    Chat(pipe, video).run()


class Chat:
    """
    A conversation about a video.

    Args:
        pipe: The pipeline.
        video: Path or URL of the video.
    """

    def __init__(self, pipe: Any, video: str):
        self._pipe = pipe
        self._video = video
        self._frames: dict[str, int] = {}
        self._turns: list[tuple[str, str]] = []
        self._commands = {"scenes": self._show_scenes, "frames": self._set_frames, "clear": self._clear, "help": _help}

    def run(self) -> None:
        """Answers until the user leaves."""
        while (line := _read_line()) is not None:
            line = line.strip()
            name, _, argument = line.removeprefix("/").partition(" ")
            if line == "/quit":
                return
            if not line.startswith("/"):
                if line:
                    self._reporting_errors(self._ask, line)
            elif name in self._commands:
                self._reporting_errors(self._commands[name], argument.strip())
            else:
                note(PROGRAM, f"There is no command /{name}. /help lists the commands.")

    def _reporting_errors(self, command: Any, argument: str) -> None:
        """An error does not end the conversation, and neither does Ctrl-C."""
        try:
            command(argument)
        except BrokenPipeError:
            raise
        except (OSError, ValueError) as error:
            note(PROGRAM, error)
        except KeyboardInterrupt:
            note(PROGRAM, "Stopped.")

    def _ask(self, question: str) -> None:
        pieces: list[str] = []
        text = WrappedText()
        shown = Waiting(f"Reading {self._video}" if not self._turns else "Answering")

        def write(piece: str) -> None:
            if piece:
                shown.stop()
                pieces.append(piece)
                text.write(piece)

        try:
            self._pipe(self._conversation(question), streamer=streamer(self._pipe, write), **self._frames)
        finally:
            shown.stop()
            text.end_line()
            if answer := "".join(pieces).strip():  # also what was written before Ctrl-C
                self._turns.append((question, answer))

    def _conversation(self, question: str) -> list[dict[str, Any]]:
        """The whole conversation, with the video in its first message."""
        messages = []
        for asked, answer in self._turns:
            messages.append({"role": "user", "content": [{"type": "text", "text": asked}]})
            messages.append({"role": "assistant", "content": [{"type": "text", "text": answer}]})
        messages.append({"role": "user", "content": [{"type": "text", "text": question}]})
        messages[0]["content"].insert(0, {"type": "video", "video": self._video})  # type: ignore[attr-defined]
        return messages

    def _show_scenes(self, argument: str) -> None:
        with waiting(f"Reading {self._video}"):
            found = find_scenes(self._pipe, self._video, **self._frames)
        print_scene_table(found)

    def _set_frames(self, argument: str) -> None:
        if not argument.isdecimal() or int(argument) < 1:
            raise ValueError(f"/frames {argument}: give a whole number from 1 on, such as /frames 32.")
        self._frames = {"num_frames": int(argument)}

    def _clear(self, argument: str) -> None:
        self._turns.clear()


def _help(argument: str) -> None:
    say(HELP)


def _read_line() -> str | None:
    """Reads a line of the user; None at the end of the input. Ctrl-C discards what was typed."""
    is_typed = sys.stdin.isatty()
    if is_typed:
        _load_readline()
    while True:
        try:
            return input(PROMPT if is_typed else "")
        except EOFError:
            if is_typed:
                print()
            return None
        except KeyboardInterrupt:
            if not is_typed:
                raise
            print()


def _load_readline() -> None:
    """Gives `input` editing and a history, where Python has them."""
    try:
        import readline  # noqa: F401
    except ImportError:  # Windows
        pass
