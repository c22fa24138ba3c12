"""Run Python in the environments that `make test` makes next to .venv.

    public   what a user has who installed the public packages, but not this project
    floor    the same, with the oldest supported transformers

Both run offline, outside the repository, with an empty Hugging Face cache: what works there works from a saved folder.
"""

import os
import subprocess
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path


REPOSITORY = Path(__file__).resolve().parent.parent
PYTHON_VARIABLES = {"public": "FILA_PUBLIC_PYTHON", "floor": "FILA_FLOOR_PYTHON"}
VLLM_VARIABLE = "FILA_VLLM_PYTHON"  # set by `make test-vllm`
LMMS_VARIABLE = "FILA_LMMS_PYTHON"  # set by `make test-lmms`
ONNX_VARIABLE = "FILA_ONNX_PYTHON"  # set by `make test-slow`
TOOLKIT_VARIABLE = "FILA_TOOLKIT_PYTHON"  # set by `make test-toolkit`
APP_VARIABLE = "FILA_APP_PYTHON"  # set by `make test-slow`
# Settings of the caller that would change what the other Python imports or where it looks for models.
CALLERS_SETTINGS = ("PYTHON", "VIRTUAL_ENV", "HF_", "HUGGINGFACE_", "TRANSFORMERS_")


def python_of(environment: str) -> Path | None:
    """The interpreter of an environment, or None where nobody made it."""
    path = Path(os.environ.get(PYTHON_VARIABLES[environment], ""))
    return path if path.is_file() else None


def run_python(
    code_or_script: str | Path,
    *arguments: str | Path,
    environment: str,
    folder: Path,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    timeout_seconds: float = 300,
) -> str:
    """Run code (a string, indented or not) or a script (a Path) and return what it prints.

    `folder` takes the code and an empty Hugging Face cache, and is the working directory unless `cwd` says otherwise.
    `env` comes on top of the caller's environment variables. Raises AssertionError with the end of stderr when the
    code fails or takes longer than `timeout_seconds`.
    """
    python = python_of(environment)
    assert python is not None, f"{PYTHON_VARIABLES[environment]} does not name a Python: run `make test`"

    script = code_or_script
    if isinstance(code_or_script, str):
        script = folder / "code_under_test.py"
        script.write_text(textwrap.dedent(code_or_script), encoding="utf-8")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(CALLERS_SETTINGS)}
    own = {"HF_HUB_OFFLINE": "1", "HF_HOME": str(folder / "huggingface"), "PYTHONNOUSERSITE": "1"}
    command: Sequence[str] = [str(part) for part in (python, script, *arguments)]
    try:
        done = subprocess.run(
            command,
            cwd=cwd or folder,
            env={**kept, **own, **(env or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout_seconds,
        )
    except subprocess.TimeoutExpired as error:
        stderr = _tail(error.stderr)
        raise AssertionError(f"{environment}: still running after {timeout_seconds} s\n{stderr}") from None
    assert done.returncode == 0, f"{environment}: exit status {done.returncode}\n{_tail(done.stderr or done.stdout)}"
    return done.stdout


def _tail(output: str | bytes | None, num_lines: int = 40) -> str:
    text = output.decode(errors="replace") if isinstance(output, bytes) else output or ""
    return "\n".join(text.splitlines()[-num_lines:])
