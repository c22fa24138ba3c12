"""What do further questions about a video cost, through the pipeline?

    python -m benchmarks.ask_many VIDEO --frames 96 --questions 10

Ten questions are asked one call at a time, with the store of the pipeline and without one. The
same questions are also asked without a video. The goal: ten questions cost at most 1.25 times one
question and the text-only cost of the others.
"""

import argparse
import json
import statistics
import time
from pathlib import Path
from typing import Any


QUESTIONS = [
    "What is in the first scene?",
    "How many scenes are there?",
    "What is in the last scene?",
    "What happens first?",
    "What happens last?",
    "Which color is the background of the second scene?",
    "Is something moving?",
    "What is in the second scene?",
    "When does the last scene begin?",
    "What is in the third scene?",
]


CLOCKS = {"wall": time.perf_counter, "cpu": time.process_time}


def ask_all(
    pipe: Any, video: str | None, questions: list[str], options: dict[str, Any], clock: str
) -> tuple[list[float], list]:
    """Asks one question at a time.

    Returns:
        Seconds of each call, and the answers.
    """
    seconds, answers = [], []
    for question in questions:
        start = CLOCKS[clock]()
        answers.append(pipe(text=question) if video is None else pipe(video, text=question, **options))
        seconds.append(CLOCKS[clock]() - start)
    return seconds, answers


def measure(pipe: Any, arguments: argparse.Namespace) -> dict[str, Any]:
    """Takes turns, and returns medians over the rounds."""
    from modeling_fila import VideoStore

    options = {"num_frames": arguments.frames, "max_frames": max(arguments.frames, 768)}
    questions = [QUESTIONS[place % len(QUESTIONS)] for place in range(arguments.questions)]
    warm, cold, alone, equal = [], [], [], []
    for _ in range(arguments.rounds):
        pipe.video_store = VideoStore()
        seconds, answers = ask_all(pipe, arguments.video, questions, options, arguments.clock)
        warm.append(seconds)
        num_cold = min(arguments.cold, len(questions))
        without = {**options, "video_store": None}
        seconds, wanted = ask_all(pipe, arguments.video, questions[:num_cold], without, arguments.clock)
        cold.append(statistics.median(seconds))
        equal.append(answers[:num_cold] == wanted)
        alone.append(ask_all(pipe, None, questions, options, arguments.clock)[0])
    first = statistics.median(seconds[0] for seconds in warm)
    second = statistics.median(seconds[1] for seconds in warm)
    total = statistics.median(sum(seconds) for seconds in warm)
    text_only = statistics.median(sum(seconds[1:]) for seconds in alone)
    return {
        "first question, seconds": first,
        "second question, seconds": second,
        "second / first": second / first,
        "all questions, seconds": total,
        "one question without a store, seconds": statistics.median(cold),
        "the others without a video, seconds": text_only,
        "all / (one + the others without a video)": total / (statistics.median(cold) + text_only),
        "answers equal those without a store": all(equal),
        "MiB in the store": pipe.video_store.num_bytes / 2**20,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("video", help="path of a video")
    parser.add_argument("--model", default="checkpoints/fila-video-mini", help="folder or Hub id of a checkpoint")
    parser.add_argument("--frames", type=int, default=96, help="number of frames to sample")
    parser.add_argument("--questions", type=int, default=10, help="number of questions, at least 2")
    parser.add_argument("--cold", type=int, default=10, help="number of questions that are also asked without a store")
    parser.add_argument("--rounds", type=int, default=3, help="number of times that everything is measured")
    parser.add_argument("--new-tokens", type=int, default=16, help="number of tokens of an answer")
    parser.add_argument("--device", default="cpu", help="device of the model")
    parser.add_argument("--dtype", default="float32", help="data type of the weights")
    parser.add_argument("--clock", choices=list(CLOCKS), default="wall", help="wall time, or CPU time of the process")
    parser.add_argument("--threads", type=int, help="number of threads of PyTorch")
    parser.add_argument("--json", type=Path, help="file to which the numbers are written")
    arguments = parser.parse_args()
    if arguments.questions < 2:
        parser.error(f"--questions={arguments.questions} must be at least 2")
    # These imports take seconds, which --help does not need.
    import torch
    from transformers import pipeline

    import fila_video

    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    tokens = {"max_new_tokens": arguments.new_tokens, "min_new_tokens": arguments.new_tokens}
    pipe: Any = pipeline(
        "video-text-to-text", model=arguments.model, device=arguments.device, dtype=arguments.dtype, **tokens
    )
    numbers = measure(pipe, arguments)
    for name, value in numbers.items():
        print(f"{name}: {value:.4g}" if isinstance(value, float) else f"{name}: {value}")
    if arguments.json:
        numbers = {"versions": {"fila_video": fila_video.__version__, "torch": torch.__version__}, **numbers}
        arguments.json.write_text(json.dumps(numbers, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
