"""README's first example prints what it promises, and nothing on standard error but the bars of loading the model."""

import os
import re
import subprocess
import sys

from tests.clips import draw_clip
from tests.docs.documents import DOCUMENTS
from tests.docs.test_python_blocks import python_blocks
from tests.environment import REPOSITORY


# transformers prints it while the user waits. A library must not switch it off for the user's process.
LOADING_BAR = re.compile(r"Loading weights: +\d+%\|[^\r\n]*")


def test_the_first_example_of_the_readme_prints_no_warning(tmp_path):
    draw_clip(tmp_path / "clip.mp4", seconds=6, fps=10)
    (tmp_path / "checkpoints").symlink_to(REPOSITORY / "checkpoints")
    blocks = python_blocks(DOCUMENTS["README.md"])
    (tmp_path / "example.py").write_text("\n".join(block.code for block in blocks), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-W", "default", "example.py"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY), "OMP_NUM_THREADS": "1"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert LOADING_BAR.sub("", done.stderr).strip() == ""
    assert done.stdout.startswith("What is in the first scene? ")
