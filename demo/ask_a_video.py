"""
Asks a video a question through `pipeline("video-text-to-text")` and shows what the model looked at.

    python demo/ask_a_video.py clip.mp4 [--question "What is in the first scene?"] [--model folder or Hub id]
"""

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from transformers import pipeline
from transformers.utils import logging


ROOT = Path(__file__).resolve().parent.parent
MINI = ROOT / "checkpoints" / "fila-video-mini"
NEVER_TRAINED_FOR_IT = (
    "This model has only ever seen drawn shapes: about any other video its answer means nothing. The scenes are real; "
    "name a --model for an answer."
)


class Stopwatch:
    """Times the calls of a method, and keeps what it returned last."""

    def __init__(self, owner: Any, name: str):
        self.seconds = 0.0
        self.result: Any = None
        setattr(owner, name, self._timed(getattr(owner, name)))

    def _timed(self, method: Callable) -> Callable:
        def call(*args, **kwargs):
            start = time.perf_counter()
            self.result = method(*args, **kwargs)
            self.seconds += time.perf_counter() - start
            return self.result

        return call


def ask(model: str | Path, video: str | Path, question: str, *, trusts_code: bool) -> None:
    start = time.perf_counter()
    pipe = pipeline("video-text-to-text", model=str(model), trust_remote_code=trusts_code)
    loading_seconds = time.perf_counter() - start

    reading, looking, answering = (
        Stopwatch(pipe, "preprocess"),
        Stopwatch(pipe.model, "get_video_features"),
        Stopwatch(pipe.model, "generate"),
    )
    answer = pipe(str(video), text=question, return_scenes=True, max_new_tokens=32)[0]

    tokens = len(looking.result.pooler_output[0])
    metadata = reading.result["video_metadata"][0]
    print(f"Scenes the model looked at ({len(answer['scenes'])}, each merged from the frames in brackets):")
    print_scenes(answer["scenes"])
    print(f"\nIn the prompt:\n  {prompt_sentence(pipe, reading.result)}")
    counts = f"{len(metadata.frames_indices)} frames -> {len(answer['scenes'])} scenes -> {tokens} tokens"
    print(f"\nVisual tokens:   {counts}")
    steps = {
        "load the model": loading_seconds,
        "read the video": reading.seconds,
        "find and merge scenes": looking.seconds,
        "answer": answering.seconds,
    }
    print("Time:            " + ", ".join(f"{name} {seconds:.2f} s" for name, seconds in steps.items()))
    print(f"\nQuestion: {question}\nAnswer:   {answer['generated_text'].strip()!r}")


def print_scenes(scenes: list[dict[str, Any]], columns: int = 3) -> None:
    lines = []
    for scene in scenes:
        frames = ", ".join(f"{seconds:.2f}" for seconds in scene["frame_seconds"])
        lines.append(f"{scene['representative_seconds']:7.2f} s ({frames})")
    width = max(map(len, lines)) + 2
    for start in range(0, len(lines), columns):
        print("".join(line.ljust(width) for line in lines[start : start + columns]).rstrip())


def prompt_sentence(pipe: Any, model_inputs: dict[str, Any], max_characters: int = 200) -> str:
    """The line of the prompt with the times, with its middle left out if it is long."""
    ids = model_inputs["inputs"]["input_ids"][0]
    text = pipe.processor.decode(ids[ids != pipe.processor.video_token_id])
    sentence = next((line for line in text.splitlines() if line.startswith("This video samples")), "no times")
    if len(sentence) <= max_characters:
        return sentence
    return f"{sentence[: max_characters - 30]} ... {sentence[-25:]}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("video", help="a file or an http(s) URL")
    parser.add_argument("--question", default="What is in the first scene?")
    parser.add_argument("--model", help="a folder or Hub id (default: the small model of this repository)")
    parser.add_argument("--trust-remote-code", action="store_true", help="run the code that comes with --model")
    options = parser.parse_args()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    print(f"Video: {options.video}\n")
    try:
        # The code beside the small model is this project's; that of a --model is its owner's.
        trusts_code = options.model is None or options.trust_remote_code
        ask(options.model or MINI, options.video, options.question, trusts_code=trusts_code)
    except (OSError, ValueError) as error:
        print(f"{parser.prog}: {error}", file=sys.stderr)
        return 1
    if options.model is None:
        print(f"\n{NEVER_TRAINED_FOR_IT}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
