"""A Hub with the benchmarks' data sets, and programs in the environment with lmms-eval."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.dataset_hub import serve_datasets
from tests.environment import REPOSITORY

from .benchmark_data import draw_clips, make_datasets


MINI = REPOSITORY / "checkpoints" / "fila-video-mini"


@pytest.fixture(scope="session")
def clips(tmp_path_factory) -> dict[str, bytes]:
    return draw_clips(tmp_path_factory.mktemp("clips"))


@pytest.fixture(scope="session")
def dataset_hub(clips):
    with serve_datasets(make_datasets(clips)) as hub:
        yield hub


@pytest.fixture(scope="session")
def lmms_variables(dataset_hub) -> dict[str, str]:
    """The environment variables of a program that finds the Hub, and runs on one thread."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("HF_", "PYTHON"))}
    return {**kept, **dataset_hub.variables, "PYTHONPATH": str(REPOSITORY), "OMP_NUM_THREADS": "1"}


@pytest.fixture(scope="session")
def run_lmms(lmms_python, lmms_variables):
    """run_lmms(*arguments, home=..., cwd=...): runs Python in the environment with lmms-eval."""

    def run(*arguments: object, home: Path, cwd: Path, status: int = 0) -> subprocess.CompletedProcess:
        env = {**lmms_variables, "HF_HOME": str(home)}
        command = [str(lmms_python), *map(str, arguments)]
        done = subprocess.run(command, env=env, cwd=cwd, capture_output=True, text=True, timeout=540)
        if done.returncode != status:
            pytest.fail(f"exit status {done.returncode}\n{done.stdout[-1000:]}{done.stderr[-4000:]}", pytrace=False)
        return done

    return run
