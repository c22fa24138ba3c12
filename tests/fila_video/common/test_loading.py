"""A model that is not there is named in one line, and a small one is loaded without progress bars."""

import pytest
from transformers.utils import logging

from fila_video.common.loading import check_model, loading, no_bars_if_small


@pytest.fixture
def small(tmp_path):
    folder = tmp_path / "small"
    folder.mkdir()
    (folder / "model.safetensors").write_bytes(b"weights")
    return folder


def write_large(folder):
    """A file of a gigabyte, of which nothing is on the disk."""
    folder.mkdir()
    with open(folder / "model.safetensors", "wb") as file:
        file.truncate(2**30)
    return folder


@pytest.mark.parametrize("name", ["/no/such/folder", "../none/model", "./none", "a/b/c", "with space"])
def test_a_folder_that_is_missing_is_named(name):
    with pytest.raises(FileNotFoundError, match=rf"^{name}: there is no such folder\.$"):
        check_model(name)


@pytest.mark.parametrize("name", ["model", "org/model"])
def test_what_may_be_on_the_hub_is_asked_for_there(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    check_model(name)
    with pytest.raises(OSError, match=rf"^{name}: there is no such folder, and the Hub did not have it: no network$"):
        with loading(name):
            raise OSError("no network")


def test_an_error_inside_a_folder_stays_as_it_is(small):
    with pytest.raises(OSError, match="^config.json is missing$"), loading(small):
        raise OSError("config.json is missing")


def test_a_file_is_not_a_model(small):
    with pytest.raises(NotADirectoryError, match=r"model\.safetensors is a file; give the folder"):
        check_model(small / "model.safetensors")


@pytest.mark.parametrize("lost", ["as text", "dangling"])
def test_lost_links_are_an_error_only_where_the_code_is_run(lost, small):
    file = small / "reader.py"
    if lost == "as text":
        file.write_text("../../processing_fila/reader.py")
    else:
        file.symlink_to("../../processing_fila/reader.py")
    check_model(small)
    with pytest.raises(ValueError, match=rf"reader\.py should be .*: python checkpoints/ship.py --copy-code {small}$"):
        check_model(small, trust_remote_code=True)
    file.unlink()
    file.write_text('"""Code."""\n')
    check_model(small, trust_remote_code=True)


@pytest.mark.parametrize("is_enabled", [True, False])
def test_bars_are_hidden_for_a_small_model_only(is_enabled, small, tmp_path):
    before = logging.is_progress_bar_enabled()
    change = {True: logging.enable_progress_bar, False: logging.disable_progress_bar}
    change[is_enabled]()
    try:
        with no_bars_if_small(small):
            assert not logging.is_progress_bar_enabled()
        for other in (write_large(tmp_path / "large"), "org/model"):
            with no_bars_if_small(other):
                assert logging.is_progress_bar_enabled() == is_enabled
        assert logging.is_progress_bar_enabled() == is_enabled
    finally:
        change[before]()
