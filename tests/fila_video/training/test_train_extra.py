"""Without the extra `train`, the commands end with one line that says what to install."""

import subprocess
import sys

import pytest

from tests.environment import REPOSITORY


WITHOUT = """
import sys
sys.modules["omegaconf"] = sys.modules["peft"] = None
from fila_video.training.{module} import main
sys.exit(main({arguments}))
"""


@pytest.mark.parametrize(
    ("module", "arguments"),
    [
        ("__main__", ["alignment"]),
        ("__main__", ["alignment", "--plan"]),
        ("draw_merging_weights", ["checkpoint", "picture.png"]),
    ],
)
def test_missing_packages_are_named(module, arguments):
    command = [sys.executable, "-c", WITHOUT.format(module=module, arguments=arguments)]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True)
    assert done.returncode == 1
    program = "python -m fila_video.training" + ("" if module == "__main__" else f".{module}")
    assert done.stderr == f"{program}: Training needs omegaconf, peft: pip install 'fila-video[train]'\n"
