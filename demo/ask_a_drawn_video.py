"""
Draws a video, shows its frames, and asks the small model of this repository about it.

    python demo/ask_a_drawn_video.py [--number 7] [--output outputs/demo] [--real-clip clip.mp4]

Every number is another video, none of which the model was trained or measured on.
"""

import argparse
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
from ask_a_video import MINI, ROOT, print_scenes
from PIL import Image, ImageDraw
from transformers import pipeline
from transformers.utils import logging


sys.path.insert(0, str(ROOT))

from evaluation_fila.drawing import SIDE, draw_frame  # noqa: E402
from evaluation_fila.questions import Question, ask  # noqa: E402
from evaluation_fila.rendering import render_video  # noqa: E402
from evaluation_fila.scoring import is_correct  # noqa: E402
from evaluation_fila.splits import draw_sample  # noqa: E402
from evaluation_fila.world import Video  # noqa: E402
from mini_fila.measure import SCORES, load_scores  # noqa: E402
from mini_fila.publish import offered_types  # noqa: E402
from mini_fila.recipe import USUAL  # noqa: E402


SEED = 2026  # apart from the videos that the model is measured on
ENLARGED = 3
COLUMNS = 8


def draw_frames(video: Video, times: list[float], path: Path) -> None:
    """A picture of the frames at these seconds, each with its time."""
    side, line = SIDE * ENLARGED, 18
    rows = -(-len(times) // COLUMNS)
    sheet = Image.new("RGB", (COLUMNS * (side + 6) + 6, rows * (side + line + 6) + 6), "white")
    pen = ImageDraw.Draw(sheet)
    for place, seconds in enumerate(times):
        x, y = 6 + place % COLUMNS * (side + 6), 6 + place // COLUMNS * (side + line + 6)
        frame = Image.fromarray(draw_frame(video, min(seconds, video.duration_seconds - 0.1)))
        sheet.paste(frame.resize((side, side), Image.Resampling.NEAREST), (x, y + line))
        pen.text((x, y + 3), f"{seconds:.1f} s", fill="black")
    sheet.save(path)


def ask_all(pipe: Any, path: Path, video: Video, questions: list[Question]) -> int:
    """Prints each question with answer and truth; the number of right answers."""
    texts = [question.text for question in questions]
    answers = pipe(str(path), text=texts, return_scenes=True, max_new_tokens=96)
    answers = [answer[0] if isinstance(answer, list) else answer for answer in answers]
    scenes = answers[0]["scenes"]
    draw_frames(video, [scene["representative_seconds"] for scene in scenes], path.with_name("scenes.png"))
    print(f"Scenes the model looks at ({len(scenes)}, each merged from the frames in brackets):")
    print_scenes(scenes)
    print(f"Their frames: {path.with_name('scenes.png')}\n")
    num_right = 0
    for question, answer in zip(questions, answers, strict=True):
        given = answer["generated_text"].strip()
        is_right = is_correct(question.type, given, question.answer, duration_seconds=video.duration_seconds)
        num_right += is_right
        mark = "right" if is_right else "WRONG"
        print(f"Question: {question.text}\nAnswer:   {given}\nTruth:    {question.answer}   ({mark})\n")
    return num_right


def print_truth(video: Video) -> None:
    print(f"What happens in these {video.duration_seconds:.1f} seconds:")
    for scene in video.scenes:
        things = ", ".join(f"{item.name} moving {item.motion}" for item in scene.objects)
        span = f"{scene.start_seconds:5.1f} to {scene.end_seconds:5.1f} s"
        print(f"  {span}  {scene.texture} {scene.background:<6} {things}")
    print()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--number", type=int, default=0, help="of the video")
    parser.add_argument("--output", type=Path, default=ROOT / "outputs" / "demo")
    parser.add_argument("--real-clip", type=Path, help="asked about as well")
    options = parser.parse_args()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    options.output.mkdir(parents=True, exist_ok=True)
    path = options.output / "video.mp4"
    video, _ = draw_sample("test", options.number, num_questions=1, options=USUAL, seed=SEED)
    render_video(video, path)
    draw_frames(video, np.linspace(0, video.duration_seconds, 16, endpoint=False).tolist(), path.with_name("video.png"))
    print(f"Video, drawn now: {path}\nIts frames:       {path.with_name('video.png')}\n")
    print_truth(video)
    rng = np.random.default_rng(options.number)
    offered = offered_types(load_scores(MINI / SCORES)["test"])
    questions = [question for name in offered if (question := ask(video, name, rng)) is not None]
    pipe = pipeline("video-text-to-text", model=str(MINI), trust_remote_code=True)
    num_right = ask_all(pipe, path, video, questions)
    print(f"{num_right} of {len(questions)} right. What it is asked, and how often it is right: {MINI / 'README.md'}")
    if options.real_clip is None:
        print('\nA clip of your own, which it was never trained for: make demo VIDEO=clip.mp4 QUESTION="..."')
        return 0
    print("\n=== The same model on a real clip, for which it was never trained ===\n", flush=True)
    return subprocess.run([sys.executable, str(ROOT / "demo" / "ask_a_video.py"), str(options.real_clip)]).returncode


if __name__ == "__main__":
    sys.exit(main())
