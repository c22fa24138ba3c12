"""Writing weights shard by shard: by hand on small tables, and what is wrong is refused."""

import json

import pytest
import torch
from safetensors.torch import load_file, save_file

from conversion_fila.checkpoint_folder import unfinished_folder
from conversion_fila.shards import plan_shards, write_shards


def shapes(**sizes):
    return {name: (torch.Size([size]), torch.float32) for name, size in sizes.items()}


@pytest.mark.parametrize(
    ("sizes", "max_shard_bytes", "expected"),
    [
        ({"a": 1, "b": 1, "c": 1}, 8, [["a", "b"], ["c"]]),
        ({"a": 1, "b": 1}, 100, [["a", "b"]]),
        ({"a": 1, "b": 9, "c": 1}, 8, [["a"], ["b"], ["c"]]),
    ],
)
def test_tensors_fill_shards_in_order(sizes, max_shard_bytes, expected):
    assert plan_shards(shapes(**sizes), max_shard_bytes) == expected


def test_what_is_written_is_what_was_given(tmp_path):
    tensors = {"a": torch.randn(3), "b": torch.randn(2), "c": torch.randn(4)}
    write_shards(tmp_path, iter(reversed(tensors.items())), shapes(a=3, b=2, c=4), max_shard_bytes=20)
    index = json.loads((tmp_path / "model.safetensors.index.json").read_text())
    assert index["metadata"]["total_size"] == 36
    assert set(index["weight_map"].values()) == {f"model-0000{n}-of-00002.safetensors" for n in (1, 2)}
    for name, file in index["weight_map"].items():
        assert torch.equal(load_file(tmp_path / file)[name], tensors[name])


def test_missing_unexpected_and_misshapen_weights_are_refused_by_name(tmp_path):
    with pytest.raises(ValueError, match="1 weights are missing: b"):
        write_shards(tmp_path, iter([("a", torch.zeros(3))]), shapes(a=3, b=2), max_shard_bytes=100)
    with pytest.raises(ValueError, match=r"c of shape \(3,\)"):
        write_shards(tmp_path, iter([("c", torch.zeros(3))]), shapes(a=3), max_shard_bytes=100)
    with pytest.raises(ValueError, match=r"a of shape \(4,\)"):
        write_shards(tmp_path, iter([("a", torch.zeros(4))]), shapes(a=3), max_shard_bytes=100)


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
    with pytest.raises(FileExistsError, match="empty exists already"), unfinished_folder(tmp_path / "empty"):
        pass
    assert (tmp_path / "empty" / "file").read_text() == "x"
