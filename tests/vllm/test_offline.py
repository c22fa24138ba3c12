"""vLLM gives the answers of `generate`, in one engine for several videos, images and questions."""

import json
import subprocess
from pathlib import Path

import pytest

from fila_video.world.make_data import DataPlan, make_data
from fila_video.world.video_kinds import USUAL
from tests.environment import REPOSITORY


pytestmark = pytest.mark.vllm
MINI = REPOSITORY / "checkpoints" / "fila-video-mini"
QUESTIONS = ["What is in the first scene?", "How many scenes are there?", "Is there a red circle?"]


@pytest.fixture(scope="module")
def clips(tmp_path_factory) -> list[str]:
    folder = tmp_path_factory.mktemp("drawn")
    make_data(folder, DataPlan("test", 3, 1, options=USUAL))
    return sorted(map(str, (folder / "videos").iterdir()))


@pytest.fixture
def ask(vllm_python, tmp_path):
    """Runs compare_with_generate.py, and returns its answers."""

    def run(clips: list, timestamps: str, prompts: list[dict]) -> list[dict]:
        request = {
            "model": str(MINI),
            "timestamps": timestamps,
            "clips": list(map(str, clips)),
            "num_frames": 48,
            "questions": QUESTIONS,
            "prompts": prompts,
        }
        (tmp_path / "request.json").write_text(json.dumps(request), encoding="utf-8")
        script = Path(__file__).with_name("compare_with_generate.py")
        command = [vllm_python, script, tmp_path / "request.json", tmp_path / "answers.json"]
        done = subprocess.run(list(map(str, command)), capture_output=True, text=True, cwd=tmp_path, timeout=540)
        assert done.returncode == 0, done.stderr[-3000:]
        return json.loads((tmp_path / "answers.json").read_text(encoding="utf-8"))

    return run


def prompts_about(*clips: int | str) -> list[dict]:
    return [{"clips": list(clips), "question": question} for question in range(len(QUESTIONS))]


@pytest.mark.parametrize("timestamps", ["interleaved", "selected", "none"])
def test_answers_are_those_of_generate(ask, clips, timestamps):
    prompts = [*prompts_about(0), *prompts_about(1), *prompts_about(0, 2), *prompts_about("image")]
    answers = ask(clips, timestamps, prompts)
    assert [answer["vllm"] for answer in answers] == [answer["generate"] for answer in answers]
    assert len({answer["vllm"] for answer in answers}) > 3  # otherwise nothing would be tested
    # The second and third question about a video find its prompt in the cache, in blocks of 128 tokens on a CPU.
    for first in (0, 3):
        block = 128 if answers[first]["prompt_tokens"] > 150 else 0
        assert [answer["cached_tokens"] for answer in answers[first : first + 3]] == [0, block, block]


def test_real_clips(ask, real_video):
    clips = [real_video("dog.mp4"), real_video("juggle.mp4"), real_video("vp9.webm")]
    answers = ask(clips, "interleaved", [*prompts_about(0), *prompts_about(1), *prompts_about(2)])
    assert [answer["vllm"] for answer in answers] == [answer["generate"] for answer in answers]


def test_more_times_than_visual_tokens_in_the_sentence_are_refused(vllm_python, ask, clips):
    """Where most tokens of the sentence are equal ones of times, vLLM takes those for the placeholders."""
    with pytest.raises(AssertionError, match="placeholder"):
        ask(clips, "sampled", prompts_about(0))
