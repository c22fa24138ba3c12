"""
Asks a question about a video through `pipeline("video-text-to-text")`, and shows what the model
looked at.

    python demo/ask_a_video.py clip.mp4 [--question "What is in the first scene?"] [--model NAME]
"""

import argparse
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any


ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import fila_video  # noqa: E402, F401 (makes FiLA-Video checkpoints known to transformers, which then run this code)
from fila_video.common.command_line import run_reporting_errors  # noqa: E402
from fila_video.common.counted import counted  # noqa: E402
from fila_video.common.loading import loading  # noqa: E402


MINI = ROOT / "checkpoints" / "fila-video-mini"
QUESTION = "What is in the first scene?"
WIDTH = 100  # columns
PROMPT_NOTE = (
    "(The prompt counts one frame for each scene, because the frames of a scene reach the language model as one merged "
    "frame.)"
)
NEVER_TRAINED_FOR_IT = (
    "This model has only ever seen drawn shapes: its answer about any other video means nothing. The scenes are "
    "meaningful for any video. For a meaningful answer, name another model with --model."
)


class Stopwatch:
    """Measures the time of the calls of a method, and keeps the last arguments and result."""

    def __init__(self, owner: Any, name: str):
        self.seconds = 0.0
        self.arguments: dict[str, Any] = {}
        self.result: Any = None
        setattr(owner, name, self._timed(getattr(owner, name)))

    def _timed(self, method: Callable) -> Callable:
        def call(*args: Any, **kwargs: Any) -> Any:
            start = time.perf_counter()
            self.arguments = kwargs
            self.result = method(*args, **kwargs)
            self.seconds += time.perf_counter() - start
            return self.result

        return call


def ask(model: str | Path, video: str | Path, question: str, *, trust_remote_code: bool = False) -> None:
    """
    Prints the scenes, the sentence in the prompt, the number of tokens, the time of each step, and the answer.

    Args:
        model: Folder or Hub id of the model.
        video: File or URL of the video.
        question: The question.
        trust_remote_code: Whether to run the code that comes with the model.
    """
    from transformers import pipeline  # takes seconds, which --help does not need

    start = time.perf_counter()
    with loading(model, trust_remote_code=trust_remote_code):
        pipe = pipeline("video-text-to-text", model=str(model), trust_remote_code=trust_remote_code)
    loading_seconds = time.perf_counter() - start

    reading, selecting, answering = (
        Stopwatch(pipe, "preprocess"),
        Stopwatch(pipe.model, "get_video_features"),
        Stopwatch(pipe.model, "generate"),
    )
    answer = pipe(str(video), text=question, return_scenes=True)[0]

    num_frames = len(reading.result["video_metadata"][0].frames_indices)
    num_scenes, num_tokens = len(answer["scenes"]), pipe.processor.num_video_tokens(num_frames)
    placeholders = answering.arguments["input_ids"] == pipe.model.config.video_token_id
    num_time_tokens = int(placeholders.sum()) - num_tokens
    print_scenes(answer["scenes"])
    print(f"\nIn the prompt:\n{wrapped(prompt_sentence(pipe, reading.result), indent='  ')}")
    if num_frames != num_scenes:
        print(wrapped(PROMPT_NOTE, indent="  "))
    counts = (counted(num_frames, "frame"), counted(num_scenes, "scene"), counted(num_tokens, "token"))
    print(f"\nVisual tokens: {' -> '.join(counts)}")
    if num_time_tokens:
        print(f"Times of the scenes: {counted(num_time_tokens, 'token')}")
    steps = {
        "load the model": loading_seconds,
        "read the video": reading.seconds,
        "find and merge scenes": selecting.seconds,
        "answer": answering.seconds,
    }
    print("Time: " + ", ".join(f"{name} {seconds:.2f} s" for name, seconds in steps.items()))
    print(f"\nQuestion: {question}\nAnswer:   {answer['generated_text'].strip()!r}")


def print_scenes(scenes: list[dict[str, Any]]) -> None:
    """Prints the time of each scene's representative, and in brackets the times of all frames that are merged."""
    lines = []
    for scene in scenes:
        # A scene with too few frames repeats its representative.
        frames = ", ".join(dict.fromkeys(f"{seconds:.2f}" for seconds in scene["frame_seconds"]))
        lines.append(f"{scene['representative_seconds']:7.2f} s ({frames})")
    width = max(map(len, lines)) + 2
    columns = max((WIDTH + 2) // width, 1)
    moments = counted(len(scenes), "moment")
    print(f"The model looked at {moments}, which the paper calls scenes (in brackets: the merged frames):")
    for start in range(0, len(lines), columns):
        print("".join(line.ljust(width) for line in lines[start : start + columns]).rstrip())


def prompt_sentence(pipe: Any, model_inputs: dict[str, Any], max_characters: int = 200) -> str:
    """The sentence in the prompt about the sampled frames. The middle of a long one is left out."""
    ids = model_inputs["inputs"]["input_ids"][0]
    text = pipe.processor.decode(ids[ids != pipe.processor.video_token_id])
    sentence = next((line for line in text.splitlines() if line.startswith("This video samples")), "no times")
    if len(sentence) <= max_characters:
        return sentence
    return f"{sentence[: max_characters - 30]} ... {sentence[-25:]}"


def wrapped(text: str, *, indent: str = "", first_indent: str | None = None, width: int = WIDTH) -> str:
    """Text in lines of at most `width` columns."""
    first = indent if first_indent is None else first_indent
    return textwrap.fill(text, width, initial_indent=first, subsequent_indent=indent, break_on_hyphens=False)


def silence_transformers() -> None:
    """Switches off warnings and progress bars."""
    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()


def run(options: argparse.Namespace) -> None:
    silence_transformers()
    print(f"Video: {options.video}\n")
    ask(options.model or MINI, options.video, options.question, trust_remote_code=options.trust_remote_code)
    if options.model is None:
        print(f"\n{wrapped(NEVER_TRAINED_FOR_IT)}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("video", help="file or http(s) URL of the video")
    parser.add_argument("--question", default=QUESTION, help=f"question to ask (default: {QUESTION})")
    parser.add_argument("--model", help="folder or Hub id of the model (default: the small model of this repository)")
    parser.add_argument("--trust-remote-code", action="store_true", help="run the code that comes with --model")
    options = parser.parse_args()
    return run_reporting_errors(parser.prog, lambda: run(options))


if __name__ == "__main__":
    sys.exit(main())
