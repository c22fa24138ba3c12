"""A tiny untrained model for tests of what asks one."""

from pathlib import Path

import pytest

from fila_video.conversion import write_scratch_checkpoint


@pytest.fixture(scope="session")
def tiny_checkpoint(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("evaluation") / "tiny"
    write_scratch_checkpoint("tiny", folder)
    return folder
