"""`make train-demo` runs the four stages one after the other and asks a question at the end."""

import re
import subprocess
import sys

import pytest

from tests.environment import REPOSITORY


@pytest.mark.assistant_masks
@pytest.mark.slow
def test_all_four_stages_learn_and_the_model_answers(tmp_path):
    command = [sys.executable, "demo/train_all_stages.py", "--output", str(tmp_path / "out")]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    stages = re.findall(r"^  (\w+) +(\d+\.\d+) -> (\d+\.\d+)$", done.stdout, flags=re.MULTILINE)
    assert [name for name, _, _ in stages] == [
        "alignment",
        "knowledge_injection",
        "image_instruction",
        "video_instruction",
    ]
    assert all(float(last) < float(first) for _, first, last in stages), stages
    assert re.search(r"^Answer: +\S", done.stdout, flags=re.MULTILINE)
