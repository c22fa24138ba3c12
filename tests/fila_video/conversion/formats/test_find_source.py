"""Sources on the Hub. The Hub is simulated, because tests do not use the network."""

import shutil

import pytest

import fila_video.conversion.formats.find_source as hub
from convert_checkpoint import convert_checkpoint, main
from tests.fila_video.conversion.sources import llava_onevision, write_llava_onevision


@pytest.fixture
def served(tmp_path, monkeypatch):
    """Simulates `snapshot_download` for one repository. Returns the repository, the cache, and the list of calls."""
    from fnmatch import fnmatch

    repository = write_llava_onevision(tmp_path / "repository", llava_onevision())
    for name in ("pytorch_model.bin", "training_args.bin", "modeling_evil.py", "onnx.onnx"):
        (repository / name).write_text("not wanted")
    calls = []

    def snapshot_download(repo_id, *, revision, allow_patterns):
        calls.append((repo_id, revision))
        snapshot = tmp_path / "cache"
        snapshot.mkdir(exist_ok=True)
        for path in repository.iterdir():
            if any(fnmatch(path.name, pattern) for pattern in allow_patterns):
                shutil.copy(path, snapshot)
        return str(snapshot)

    monkeypatch.setattr(hub, "snapshot_download", snapshot_download)
    return repository, tmp_path / "cache", calls


def test_only_the_files_that_are_needed_are_downloaded(served, tmp_path):
    _, snapshot, calls = served
    convert_checkpoint("org/llava", tmp_path / "out", revision="v1.0", parity=False)
    assert calls == [("org/llava", "v1.0")]
    assert {path.name for path in snapshot.iterdir()} == {
        *("README.md", "config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json")
    }
    card = (tmp_path / "out" / "README.md").read_text()
    assert "base_model:\n- org/llava\n" in card and "license: apache-2.0" in card


def test_pickles_are_downloaded_only_when_allowed_and_needed(served, tmp_path, capsys):
    repository, snapshot, _ = served
    convert_checkpoint("org/llava", tmp_path / "out", allow_pickle=True, parity=False)
    assert not list(snapshot.glob("*.bin"))
    (repository / "model.safetensors").unlink()
    shutil.rmtree(snapshot)
    assert main(["org/llava", str(tmp_path / "out2")]) == 1
    assert "has no weights" in capsys.readouterr().err and not list(snapshot.glob("*.bin"))
    assert main(["org/llava", str(tmp_path / "out2"), "--allow-pickle"]) == 1
    assert "pytorch_model.bin cannot be read" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["org/unknown", "not a/valid/id", "nothing-here"])
def test_a_name_that_is_neither_a_folder_nor_on_the_hub_is_reported(name, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    assert main([name, str(tmp_path / "out")]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    if name == "not a/valid/id":
        assert line == f"convert_checkpoint: {name}: there is no such folder."
    else:
        assert line.startswith(f"convert_checkpoint: {name}: there is no such folder, and the Hub did not have it: ")
