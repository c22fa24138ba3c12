"""ONNX Runtime gives the logits and the answers of PyTorch, in an environment without PyTorch."""

import json
import os
import subprocess
from itertools import compress

import numpy as np
import pytest
import torch
from transformers import AutoModelForImageTextToText, AutoProcessor, AutoTokenizer, pipeline

from configuration_fila import FilaVideoConfig
from fila_video.conversion.processor import build_processor
from fila_video.conversion.scratch import write_scratch_checkpoint
from fila_video.onnx.export import export_model
from fila_video.onnx.runner import OnnxVideoAnswerer
from fila_video.world.make_data import DataPlan, make_data
from modeling_fila import FilaVideoForConditionalGeneration
from tests.clips import draw_clip
from tests.environment import REPOSITORY


pytestmark = [pytest.mark.slow]

MINI = REPOSITORY / "checkpoints" / "fila-video-mini"
TIMESTAMPS = ("sampled", "selected", "interleaved", "none")
QUESTION = "What happens in the video?"


@pytest.fixture(scope="module")
def mini(tmp_path_factory):
    folder = tmp_path_factory.mktemp("mini") / "onnx"
    export_model(str(MINI), folder)
    return folder


def write_random_model(folder, **options):
    """A tiny checkpoint with this configuration, whose weights are larger than at initialization."""
    write_scratch_checkpoint("tiny", folder)
    config = FilaVideoConfig(**{**FilaVideoConfig.from_pretrained(folder).to_dict(), "scene_size": None, **options})
    torch.manual_seed(0)
    model = FilaVideoForConditionalGeneration(config)
    for parameter in model.parameters():
        parameter.data += 0.1 * torch.randn_like(parameter)
    model.save_pretrained(folder)
    build_processor(config, AutoTokenizer.from_pretrained(folder)).save_pretrained(folder)


def expected_logits(model, processor, clip, timestamps):
    content = [{"type": "video", "path": str(clip)}, {"type": "text", "text": QUESTION}]
    inputs = processor.apply_chat_template(
        [{"role": "user", "content": content}],
        tokenize=True,
        add_generation_prompt=True,
        return_dict=True,
        return_tensors="pt",
        timestamps=timestamps,
    )
    with torch.no_grad():
        return model(**inputs, logits_to_keep=1).logits[0, -1].numpy()


def check_logits(checkpoint, folder, clip, timestamps):
    model = AutoModelForImageTextToText.from_pretrained(checkpoint, dtype=torch.float32)
    processor = AutoProcessor.from_pretrained(checkpoint)
    answerer = OnnxVideoAnswerer(folder)
    video = answerer.encode(str(clip))
    for how in timestamps:
        logits = answerer.first_logits(video, QUESTION, timestamps=how)
        np.testing.assert_allclose(logits, expected_logits(model, processor, clip, how), rtol=0, atol=1e-4)


@pytest.mark.parametrize("seconds", [0.2, 3, 12.3])  # fewer frames than scenes, and more
def test_logits_of_the_shipped_model(mini, tmp_path, seconds):
    check_logits(MINI, mini, draw_clip(tmp_path / "clip.mp4", seconds=seconds, fps=10), TIMESTAMPS)


@pytest.mark.parametrize(
    "options",
    [
        {"newline_position": "grid", "scene_selection": "bsm", "spatial_pool_mode": "max"},
        {"newline_position": "frame", "scene_merging": "attention", "kmeans_init": "kmeans++"},
        {"newline_position": "one_token", "scene_merging": "bsm", "scene_selection": "uniform"},
        {"scene_merging": "none", "scene_selection": "uniform"},
    ],
    ids=lambda options: "-".join(str(value) for value in options.values()),
)
def test_logits_of_other_architectures(tmp_path, options):
    write_random_model(tmp_path / "tiny", **options)
    export_model(str(tmp_path / "tiny"), tmp_path / "onnx", num_frames=40)
    clip = draw_clip(tmp_path / "clip.mp4", seconds=5, fps=8)
    check_logits(tmp_path / "tiny", tmp_path / "onnx", clip, ("interleaved", "selected"))


@pytest.mark.onnx
def test_answers_without_pytorch(mini, onnx_python, tmp_path):
    make_data(tmp_path / "test", DataPlan(split="test", num_videos=10, questions_per_video=8))
    requests = [
        {"video": str(tmp_path / "test" / video["video"]), "question": question["text"]}
        for video in map(json.loads, (tmp_path / "test" / "truth.jsonl").read_text().splitlines())
        for question in video["questions"]
    ]
    lines = [*requests, {"video": str(tmp_path / "missing.mp4"), "question": QUESTION}]
    (tmp_path / "requests.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    *answers, missing = ask_without_pytorch(onnx_python, mini, "--requests", tmp_path / "requests.jsonl")

    assert "missing.mp4" in missing["error"] and "answer" not in missing

    pipe = pipeline("video-text-to-text", str(MINI), dtype="float32")
    expected = [
        pipe(line["video"], text=line["question"], return_scenes=True, max_new_tokens=512)[0] for line in requests
    ]
    has_same_scenes = [
        [scene["representative_seconds"] for scene in theirs["scenes"]] == answer["scene_seconds"]
        for answer, theirs in zip(answers, expected, strict=True)
    ]
    # In about one video of thirty, rounding decides which frames k-means selects: docs/onnx.md.
    assert sum(has_same_scenes) >= 0.8 * len(answers)
    same = list(compress(zip(answers, expected, strict=True), has_same_scenes))
    assert [answer["answer"] for answer, _ in same] == [theirs["generated_text"] for _, theirs in same]


def ask_without_pytorch(python, *arguments):
    """What `python -m fila_video.onnx ask` prints, as JSON lines, in an environment without PyTorch."""
    command = [str(python), "-m", "fila_video.onnx", "ask", *map(str, arguments)]
    env = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    found = subprocess.run([str(python), "-c", "import torch"], env=env, capture_output=True, text=True)
    assert "No module named 'torch'" in found.stderr
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_the_question_cannot_contain_control_tokens(mini, tmp_path):
    answerer = OnnxVideoAnswerer(mini)
    video = answerer.encode(str(draw_clip(tmp_path / "clip.mp4", seconds=1, fps=8)))
    with pytest.raises(ValueError, match="<video>"):
        answerer.answer(video, "What is in <video>?")
    with pytest.raises(ValueError, match="timestamps='always'"):
        answerer.answer(video, QUESTION, timestamps="always")


def test_more_frames_than_the_export_knows_are_refused(mini, tmp_path):
    clip = draw_clip(tmp_path / "clip.mp4", seconds=10, fps=10)
    with pytest.raises(ValueError, match="at most 48 frames, not of 64"):
        OnnxVideoAnswerer(mini).encode(str(clip), num_frames=64)
