import socket

import pytest
from huggingface_hub import HfApi, constants
from huggingface_hub.errors import RepositoryNotFoundError

from fila_video.common.hub_errors import connection_errors
from tests.hub_server import serve


@pytest.fixture(autouse=True)
def is_online(monkeypatch):
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)


def test_a_hub_that_cannot_be_reached_is_an_os_error_that_names_it(monkeypatch):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        endpoint = f"http://127.0.0.1:{free.getsockname()[1]}"
    monkeypatch.setattr(constants, "ENDPOINT", endpoint)
    with pytest.raises(ConnectionError, match=f"^{endpoint} cannot be reached: "), connection_errors():
        HfApi(endpoint=endpoint).model_info("me/model")


def test_what_the_hub_answers_stays_as_it_is():
    with serve() as hub, pytest.raises(RepositoryNotFoundError), connection_errors():
        HfApi(endpoint=hub.variables["HF_ENDPOINT"]).model_info("me/model")
