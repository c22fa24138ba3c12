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


def pieces(tensors, blocks=1):
    """Pairs of name and blocks, last name first."""
    return ((name, tensor.chunk(blocks)) for name, tensor in reversed(tensors.items()))


@pytest.mark.parametrize("blocks", [1, 2, 3])
def test_what_is_written_is_what_was_given(tmp_path, blocks):
    tensors = {"a": torch.randn(3), "b": torch.randn(2), "c": torch.randn(4)}
    write_shards(tmp_path, pieces(tensors, blocks), shapes(a=3, b=2, c=4), max_shard_bytes=20)
    index = json.loads((tmp_path / "model.safetensors.index.json").read_text())
    assert index["metadata"]["total_size"] == 36
    assert set(index["weight_map"].values()) == {f"model-0000{n}-of-00002.safetensors" for n in (1, 2)}
    for name, file in index["weight_map"].items():
        assert torch.equal(load_file(tmp_path / file)[name], tensors[name])


def test_a_file_is_byte_for_byte_what_safetensors_writes(tmp_path):
    tensors = {
        "wide": torch.randn(4, 2).double(),
        "b": torch.randn(3, 5),
        "a.half": torch.randn(7).half(),
        "brain": torch.randn(2, 3).bfloat16(),
        "é": torch.randn(1),
        "scalar": torch.tensor(1.5),
        "empty": torch.zeros(0, 3),
    }
    expected = tmp_path / "expected.safetensors"
    save_file(tensors, expected, metadata={"format": "pt"})
    sizes = {name: (tensor.shape, tensor.dtype) for name, tensor in tensors.items()}
    write_shards(tmp_path, ((name, [tensor]) for name, tensor in reversed(tensors.items())), sizes, 10**9)
    assert (tmp_path / "model.safetensors").read_bytes() == expected.read_bytes()


def test_missing_unexpected_and_misshapen_weights_are_refused_by_name(tmp_path):
    def write(tensors, sizes):
        folder = tmp_path / f"{len(list(tmp_path.iterdir()))}"
        folder.mkdir()
        write_shards(folder, pieces(tensors), sizes, max_shard_bytes=100)

    with pytest.raises(ValueError, match="1 weights are missing: b"):
        write({"a": torch.zeros(3)}, shapes(a=3, b=2))
    with pytest.raises(ValueError, match="c is no weight of the model"):
        write({"c": torch.zeros(3)}, shapes(a=3))
    with pytest.raises(ValueError, match="a: 16 bytes came"):
        write({"a": torch.zeros(4)}, shapes(a=3))
    with pytest.raises(ValueError, match="a: 8 bytes came"):
        write({"a": torch.zeros(2)}, shapes(a=3))


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
