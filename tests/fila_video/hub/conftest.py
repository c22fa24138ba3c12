"""A complete model that is published, and a Hub."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from huggingface_hub import constants
from huggingface_hub.utils import close_session

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


@pytest.fixture
def near_hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Hub]:
    """A Hub that huggingface_hub in this process finds. It reads its settings when it is imported."""
    with serve() as served:
        for name, value in served.variables.items():
            monkeypatch.setenv(name, value)
        endpoint = served.variables["HF_ENDPOINT"]
        monkeypatch.setattr(constants, "ENDPOINT", endpoint)
        template = f"{endpoint}/{{repo_id}}/resolve/{{revision}}/{{filename}}"
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
        monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "token"))
        close_session()
        yield served
    close_session()


@pytest.fixture
def unreachable_hub(near_hub: Hub, monkeypatch: pytest.MonkeyPatch) -> str:
    """The address of a Hub that does not answer."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        endpoint = f"http://127.0.0.1:{free.getsockname()[1]}"
    monkeypatch.setattr(constants, "ENDPOINT", endpoint)
    return endpoint
