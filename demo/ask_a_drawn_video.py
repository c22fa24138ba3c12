"""
Draws a video, shows its frames, and asks the small model of this repository about it.

    python demo/ask_a_drawn_video.py [--number 7] [--output outputs/demo] [--real-clip clip.mp4]

Every number gives a different video. The model was neither trained nor measured on any of them.
"""

import argparse
import sys
from pathlib import Path
from typing import Any

import numpy as np
from ask_a_video import MINI, NEVER_TRAINED_FOR_IT, QUESTION, ROOT, counted, print_scenes, silence_transformers, wrapped
from ask_a_video import ask as ask_about_clip


sys.path.insert(0, str(ROOT))

from fila_video.common.command_line import run_reporting_errors  # noqa: E402
from fila_video.evaluation.scores import SCORES_FILE, load_scores  # noqa: E402
from fila_video.world.draw_frame import SIDE, draw_frame  # noqa: E402
from fila_video.world.ground_truth import Video  # noqa: E402
from fila_video.world.judge_answer import is_correct  # noqa: E402
from fila_video.world.questions import Question, ask  # noqa: E402
from fila_video.world.render_video import render_video  # noqa: E402
from fila_video.world.splits import draw_sample  # noqa: E402
from fila_video.world.video_kinds import USUAL  # noqa: E402


SEED = 2026  # different from the seed of the videos that the model was measured on
SHOWN_FRAMES = 16
# Layout of a picture of frames, in pixels.
FRAME_SIDE, LINE_HEIGHT, GAP, COLUMNS = 3 * SIDE, 18, 6, 8
INDENT = " " * len("Question: ")


def draw_frames(video: Video, times: list[float], path: Path) -> None:
    """Writes a picture of the frames at these times in seconds, each with its time."""
    from PIL import Image, ImageDraw

    rows = -(-len(times) // COLUMNS)
    column_width, row_height = FRAME_SIDE + GAP, FRAME_SIDE + LINE_HEIGHT + GAP
    sheet = Image.new("RGB", (COLUMNS * column_width + GAP, rows * row_height + GAP), "white")
    pen = ImageDraw.Draw(sheet)
    for place, seconds in enumerate(times):
        x, y = GAP + place % COLUMNS * column_width, GAP + place // COLUMNS * row_height
        frame = Image.fromarray(draw_frame(video, min(seconds, video.duration_seconds - 0.1)))
        sheet.paste(frame.resize((FRAME_SIDE, FRAME_SIDE), Image.Resampling.NEAREST), (x, y + LINE_HEIGHT))
        pen.text((x, y + 3), f"{seconds:.1f} s", fill="black")
    sheet.save(path)


def ask_all(pipe: Any, path: Path, video: Video, questions: list[Question]) -> int:
    """Prints each question with the model's answer and the true one, and returns the number of correct answers."""
    texts = [question.text for question in questions]
    answers = pipe(str(path), text=texts, return_scenes=True)
    answers = [answer[0] if isinstance(answer, list) else answer for answer in answers]
    scenes = answers[0]["scenes"]
    draw_frames(video, [scene["representative_seconds"] for scene in scenes], path.with_name("scenes.png"))
    print_scenes(scenes)
    print(f"Picture of these scenes: {path.with_name('scenes.png')}\n")
    num_right = 0
    for question, answer in zip(questions, answers, strict=True):
        given = answer["generated_text"].strip()
        is_right = is_correct(question.type, given, question.answer, duration_seconds=video.duration_seconds)
        num_right += is_right
        for label, text in (("Question: ", question.text), ("Answer:   ", given)):
            print(wrapped(text, first_indent=label, indent=INDENT))
        mark = "right" if is_right else "WRONG"
        print(f"{wrapped(question.answer, first_indent='Truth:    ', indent=INDENT, width=90)}   ({mark})\n")
    return num_right


def print_truth(video: Video) -> None:
    """Prints the scenes of a video."""
    print(f"What happens in these {video.duration_seconds:.1f} seconds:")
    for scene in video.scenes:
        objects = ", ".join(f"{item.name} moving {item.motion}" for item in scene.objects)
        span = f"{scene.start_seconds:5.1f} to {scene.end_seconds:5.1f} s"
        print(f"  {span}  {scene.texture} {scene.background:<6} {objects}")
    print()


def draw(number: int, path: Path) -> Video:
    """Draws a video, writes it and a picture of its frames, and prints what happens in it."""
    video, _ = draw_sample("test", number, num_questions=1, options=USUAL, seed=SEED)
    render_video(video, path)
    times = np.linspace(0, video.duration_seconds, SHOWN_FRAMES, endpoint=False).tolist()
    draw_frames(video, times, path.with_name("video.png"))
    print(f"Video, drawn just now:   {path}\nPicture of its frames:   {path.with_name('video.png')}\n")
    print_truth(video)
    return video


def run(options: argparse.Namespace) -> None:
    # These imports take seconds, which --help does not need.
    from transformers import pipeline

    from fila_video.mini.card import offered_types

    silence_transformers()
    options.output.mkdir(parents=True, exist_ok=True)
    path = options.output / "video.mp4"
    video = draw(options.number, path)
    rng = np.random.default_rng(options.number)
    offered = offered_types(load_scores(MINI / SCORES_FILE)["test"])
    questions = [question for name in offered if (question := ask(video, name, rng)) is not None]
    pipe = pipeline("video-text-to-text", model=str(MINI))
    num_right = ask_all(pipe, path, video, questions)
    print(f"{num_right} of {counted(len(questions), 'answer')} {'is' if num_right == 1 else 'are'} right.")
    print(f"What you can ask, and how often the answers are right: {MINI / 'README.md'}")
    if options.real_clip is None:
        print("\nTo ask about a clip of your own, for which the model was never trained:")
        print('make demo VIDEO=clip.mp4 QUESTION="..."')
        return
    print("\n=== The same model on a real clip, for which it was never trained ===\n")
    ask_about_clip(MINI, options.real_clip, QUESTION)
    print(f"\n{wrapped(NEVER_TRAINED_FOR_IT)}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--number", type=int, default=0, help="number of the video to draw (default: 0)")
    output = ROOT / "outputs" / "demo"
    parser.add_argument("--output", type=Path, default=output, help="folder to write (default: outputs/demo)")
    parser.add_argument("--real-clip", type=Path, help="video file to ask about in addition")
    options = parser.parse_args()
    return run_reporting_errors(parser.prog, lambda: run(options))


if __name__ == "__main__":
    sys.exit(main())
