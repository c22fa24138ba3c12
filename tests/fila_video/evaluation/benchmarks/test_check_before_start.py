"""What is found missing before a run starts. Nothing is downloaded."""

import shutil
from collections import namedtuple

import pytest

from fila_video.evaluation.benchmarks import check_before_start
from fila_video.evaluation.benchmarks.check_before_start import check_data, check_packages
from fila_video.evaluation.benchmarks.paper_tasks import TABLE1, find_benchmarks
from tests.dataset_hub import serve_datasets
from tests.hub_server import HubRepository


VIDEOMME, MVBENCH, LONGVIDEOBENCH = find_benchmarks(["videomme", "mvbench", "longvideobench_val_v"], may_submit=False)
SIZE = 1000


@pytest.fixture(scope="module")
def hub():
    videos = {"videos.zip": b"0" * SIZE}
    repositories = {
        VIDEOMME.data: HubRepository(videos),
        MVBENCH.data: HubRepository({}),
        LONGVIDEOBENCH.data: HubRepository(videos, private=True),
    }
    repositories[MVBENCH.data].commit("video", videos)
    with serve_datasets(repositories) as hub:
        yield hub


@pytest.fixture
def on_hub(hub, monkeypatch):
    """Makes huggingface_hub, which has read the environment already, ask the Hub of this machine."""
    from huggingface_hub import constants

    endpoint = hub.variables["HF_ENDPOINT"]
    monkeypatch.setattr(constants, "ENDPOINT", endpoint)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(check_before_start, "HfApi", lambda: _api(endpoint))
    return hub


def _api(endpoint: str, token: str | bool = False):
    from huggingface_hub import HfApi

    return HfApi(endpoint=endpoint, token=token)


def test_archives_are_counted_twice_unless_the_videos_are_linked(on_hub, tmp_path):
    videomme, mvbench = check_data([VIDEOMME, MVBENCH], tmp_path)
    assert (videomme.missing_bytes, mvbench.missing_bytes) == (2 * SIZE, SIZE)
    assert mvbench.commit == on_hub.repositories[MVBENCH.data].branches["video"]


def test_unpacked_videos_are_not_asked_for(tmp_path):
    (tmp_path / VIDEOMME.folder).mkdir()
    (found,) = check_data([VIDEOMME], tmp_path)
    assert (found.is_here, found.missing_bytes) == (True, 0)


def test_all_missing_data_sets_are_named_at_once(on_hub, tmp_path):
    egoschema = next(each for each in TABLE1 if each.title == "EgoSchema")
    with pytest.raises(OSError, match="hf auth login") as caught:
        check_data([LONGVIDEOBENCH, egoschema], tmp_path)
    assert LONGVIDEOBENCH.data in str(caught.value) and egoschema.data in str(caught.value)


def test_too_little_room_is_an_error_with_both_numbers(on_hub, tmp_path, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(0, 0, 500))
    with pytest.raises(OSError, match=r"need 0\.0 GB more in .*HF_HOME names another folder"):
        check_data([VIDEOMME], tmp_path)


def test_a_missing_lmms_eval_is_one_line_with_the_command(monkeypatch):
    def missing(name):
        raise check_before_start.PackageNotFoundError(name)

    monkeypatch.setattr(check_before_start, "version", missing)
    with pytest.raises(ImportError, match="pip install --no-deps lmms-eval=="):
        check_packages([VIDEOMME])
    monkeypatch.setattr(check_before_start, "version", lambda name: "0.6.1")
    with pytest.raises(ImportError, match="0.6.1 is too old"):
        check_packages([VIDEOMME])


def test_tasks_have_names_and_only_submit_sends_answers():
    assert [each.task for each in find_benchmarks(["table1", "mlvu_dev"], may_submit=False)] == [
        each.task for each in TABLE1
    ]
    with pytest.raises(ValueError, match="'videome' is not one of the tasks table1, videomme"):
        find_benchmarks(["videome"], may_submit=False)
    with pytest.raises(ValueError, match="--submit allows that"):
        find_benchmarks(["egoschema"], may_submit=False)
    assert find_benchmarks(["egoschema"], may_submit=True)[0].sends_answers
