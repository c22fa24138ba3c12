"""The folder of a checkpoint: it is complete, or it does not exist."""

import pytest
import torch
from safetensors.torch import save_file

from fila_video.conversion.checkpoint_folder import unfinished_folder


def test_an_interrupted_folder_leaves_nothing(tmp_path):
    with pytest.raises(KeyboardInterrupt), unfinished_folder(tmp_path / "out") as folder:
        (folder / "half").write_text("x")
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []


def test_a_finished_folder_has_its_name_and_is_readable_by_all(tmp_path):
    with unfinished_folder(tmp_path / "deep" / "out") as folder:
        save_file({"a": torch.zeros(1)}, folder / "model.safetensors")
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["out"]
    assert (tmp_path / "deep" / "out").stat().st_mode & 0o055 == 0o055
    assert (tmp_path / "deep" / "out" / "model.safetensors").stat().st_mode & 0o044 == 0o044


def test_an_empty_folder_is_used_and_a_full_one_is_refused(tmp_path):
    (tmp_path / "empty").mkdir()
    with unfinished_folder(tmp_path / "empty") as folder:
        (folder / "file").write_text("x")
    with pytest.raises(FileExistsError, match="empty already exists"), unfinished_folder(tmp_path / "empty"):
        pass
    assert (tmp_path / "empty" / "file").read_text() == "x"
