"""A complete model that is published, and a Hub."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from convert_checkpoint import convert_checkpoint
from tests.hub_server import Hub, serve


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an untrained model. Tests that change it copy it."""
    folder = tmp_path_factory.mktemp("tiny") / "tiny"
    convert_checkpoint("scratch:tiny", folder)
    return folder


@pytest.fixture
def hub() -> Iterator[Hub]:
    with serve() as served:
        yield served
