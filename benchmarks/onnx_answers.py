"""Asks ONNX Runtime and PyTorch the questions of the drawn test set, in float32, and counts the same
answers.

    python -m benchmarks.onnx_answers
    python -m benchmarks.onnx_answers --videos 10

Where the two select other scenes, an answer may differ: the features differ by rounding, and
k-means decides by them. For comparison, the command counts the videos in which PyTorch itself
selects other scenes with another implementation of attention (`eager` instead of `sdpa`).
"""

import argparse
import json
import tempfile
from itertools import compress
from pathlib import Path
from typing import Any


REPOSITORY = Path(__file__).resolve().parent.parent
MODEL = str(REPOSITORY / "checkpoints" / "fila-video-mini")
QUESTIONS_PER_VIDEO = 16


def draw_test_set(folder: Path, num_videos: int) -> list[dict[str, Any]]:
    """Draws the test set of docs/results.md, or its first videos. Returns the lines of `truth.jsonl`."""
    from fila_video.world.make_data import DataPlan, make_data
    from fila_video.world.video_kinds import USUAL

    make_data(folder, DataPlan("test", num_videos, QUESTIONS_PER_VIDEO, options=USUAL))
    return [json.loads(line) for line in (folder / "truth.jsonl").read_text(encoding="utf-8").splitlines()]


def ask_onnx(folder: Path, data: Path, videos: list[dict[str, Any]]) -> tuple[list[str], dict[str, list[int]]]:
    """Returns the answers, and the representatives of the scenes of each video."""
    from fila_video.evaluation.ask import MAX_NEW_TOKENS
    from fila_video.onnx.runner import OnnxVideoAnswerer

    answerer = OnnxVideoAnswerer(folder)
    answers, scenes = [], {}
    for video in videos:
        encoded = answerer.encode(str(data / video["video"]))
        scenes[video["video"]] = encoded.representatives.tolist()
        for question in video["questions"]:
            answers.append(answerer.answer(encoded, question["text"], max_new_tokens=MAX_NEW_TOKENS).strip())
    return answers, scenes


def select_scenes(data: Path, videos: list[dict[str, Any]], attention: str) -> dict[str, list[int]]:
    """Returns the representatives of the scenes of each video, as PyTorch selects them."""
    import torch
    from transformers import AutoModelForImageTextToText, AutoProcessor

    from fila_video.common.loading import loading

    options: dict[str, Any] = {"dtype": torch.float32, "attn_implementation": attention}
    with loading(MODEL):
        model = AutoModelForImageTextToText.from_pretrained(MODEL, **options).eval()
    processor = AutoProcessor.from_pretrained(MODEL)
    scenes = {}
    for video in videos:
        inputs = processor.video_processor(str(data / video["video"]), return_tensors="pt")
        with torch.inference_mode():
            features = model.get_video_features(inputs["pixel_values_videos"], return_dict=True)
        scenes[video["video"]] = features.scene_representatives[0].tolist()
    return scenes


def count_differences(ours: dict[str, list[int]], theirs: dict[str, list[int]]) -> int:
    """Counts the videos with other scenes."""
    return sum(ours[video] != theirs[video] for video in theirs)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--videos", type=int, default=125, help="number of videos, with 16 questions each")
    options = parser.parse_args()
    # These imports take seconds, which --help does not need.
    from fila_video.evaluation.ask import ask_split
    from fila_video.evaluation.load_pipeline import load_pipeline
    from fila_video.onnx.export import export_model

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        videos = draw_test_set(folder / "test", options.videos)
        print(f"Largest difference in float32: {export_model(MODEL, folder / 'onnx')}.")
        answers, scenes = ask_onnx(folder / "onnx", folder / "test", videos)
        asked = list(ask_split(load_pipeline(MODEL, dtype="float32"), folder / "test"))
        sdpa, eager = (select_scenes(folder / "test", videos, attention) for attention in ("sdpa", "eager"))
    is_same = [ours == theirs.given for ours, theirs in zip(answers, asked, strict=True)]
    is_comparable = [scenes[theirs.video] == sdpa[theirs.video] for theirs in asked]
    comparable = list(compress(is_same, is_comparable))
    print(
        f"Same answers: {sum(is_same)} of {len(is_same)}; with the same scenes {sum(comparable)} of {len(comparable)}."
    )
    print(f"Videos with other scenes: {count_differences(scenes, sdpa)} of {len(videos)}.")
    print(f"PyTorch, eager instead of sdpa: {count_differences(eager, sdpa)} of {len(videos)}.")


if __name__ == "__main__":
    main()
