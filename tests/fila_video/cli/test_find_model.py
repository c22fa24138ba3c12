import json

import pytest
from huggingface_hub import constants

from fila_video.cli.find_model import find_model
from fila_video.cli.usage import BadUsage
from tests.fila_video.cli.conftest import MINI


def find(name, revision=None):
    return find_model("program", str(name), revision=revision, yes=False)


def test_the_folder_of_a_fila_video_model_is_taken_as_it_is():
    assert find(MINI) == MINI


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (None, "is not a model: it has no config.json"),
        ("{", "config.json is not JSON"),
        ("[]", "is not the configuration of a model"),
        (json.dumps({"model_type": "qwen2"}), "holds a model of the type 'qwen2'"),
        (json.dumps({}), "holds a model of the type None"),
    ],
)
def test_a_folder_of_something_else(tmp_path, config, message):
    if config is not None:
        (tmp_path / "config.json").write_text(config)
    with pytest.raises((ValueError, OSError), match=message):
        find(tmp_path)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("./nothing", "./nothing: there is no such folder"),
        ("/a/b", "/a/b: there is no such folder"),
        ("a/b/c", "a/b/c: there is no such folder"),
        ("a b", "a b is not a folder, and it cannot be loaded from the Hub"),
        (
            "nobody/nothing",
            "nobody/nothing is not a folder, and it cannot be loaded from the Hub: it is not in the cache",
        ),
    ],
)
def test_there_is_no_such_model(name, message, monkeypatch, tmp_path):
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(OSError, match=message):
        find(name)


def test_a_folder_has_no_revisions():
    with pytest.raises(BadUsage, match="--revision main: .* is a folder"):
        find(MINI, "main")
