"""Writing weights shard by shard: small tables by hand, and refused tensors."""

import json
import weakref

import pytest
import torch
from safetensors.torch import load_file, save_file

from fila_video.conversion.weights.shards import split_into_shards, write_shards


def shapes(**sizes):
    return {name: (torch.Size([size]), torch.float32) for name, size in sizes.items()}


@pytest.mark.parametrize(
    ("sizes", "max_shard_bytes", "expected"),
    [
        ({"a": 1, "b": 1, "c": 1}, 8, [["a", "b"], ["c"]]),
        ({"a": 1, "b": 1}, 100, [["a", "b"]]),
        ({"a": 1, "b": 9, "c": 1}, 8, [["b"], ["a", "c"]]),
    ],
)
def test_tensors_fill_shards_in_order(sizes, max_shard_bytes, expected):
    split = split_into_shards(shapes(**sizes), max_shard_bytes)
    assert list(split.filename_to_tensors.values()) == expected


@pytest.mark.parametrize("order", ["abc", "cba", "bca"])
def test_what_is_written_is_what_was_given(tmp_path, order):
    tensors = {"a": torch.randn(3), "b": torch.randn(2), "c": torch.randn(4)}
    in_order = ((name, tensors[name]) for name in order)
    write_shards(tmp_path, in_order, shapes(a=3, b=2, c=4), max_shard_bytes=20)
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
    write_shards(tmp_path, reversed(tensors.items()), sizes, 10**9)
    assert (tmp_path / "model.safetensors").read_bytes() == expected.read_bytes()


def test_tensors_are_written_in_the_dtype_that_is_named_and_contiguous(tmp_path):
    tensor = torch.randn(3, 5)
    write_shards(tmp_path, [("a", tensor.T)], {"a": (torch.Size([5, 3]), torch.bfloat16)}, 100)
    assert torch.equal(load_file(tmp_path / "model.safetensors")["a"], tensor.T.bfloat16())


def test_a_shard_is_written_and_released_before_the_next_tensor_is_made(tmp_path):
    made = []

    def tensors():
        for name in "abcd":
            assert [tensor() for tensor in made[: len(made) // 2 * 2]] == [None] * (len(made) // 2 * 2)
            tensor = torch.zeros(2)
            made.append(weakref.ref(tensor))
            yield name, tensor
            del tensor
            assert len(list(tmp_path.iterdir())) == len(made) // 2

    write_shards(tmp_path, tensors(), shapes(a=2, b=2, c=2, d=2), max_shard_bytes=16)
    assert len(made) == 4


def test_a_file_that_cannot_be_written_is_an_os_error_that_names_it(tmp_path):
    path = tmp_path / "missing" / "model.safetensors"
    with pytest.raises(OSError, match=f"{path} cannot be written: .*No such file"):
        write_shards(path.parent, [("a", torch.zeros(1))], shapes(a=1), max_shard_bytes=100)


def test_missing_unexpected_and_misshapen_weights_are_refused_by_name(tmp_path):
    def write(tensors, sizes):
        folder = tmp_path / f"{len(list(tmp_path.iterdir()))}"
        folder.mkdir()
        write_shards(folder, tensors.items(), sizes, max_shard_bytes=100)

    with pytest.raises(ValueError, match="1 weights are missing: b"):
        write({"a": torch.zeros(3)}, shapes(a=3, b=2))
    with pytest.raises(ValueError, match="c is not a weight of the model"):
        write({"c": torch.zeros(3)}, shapes(a=3))
    with pytest.raises(ValueError, match=r"a has the shape \(4,\), but the model needs \(3,\)"):
        write({"a": torch.zeros(4)}, shapes(a=3))
    with pytest.raises(ValueError, match=r"a has the shape \(2,\), but the model needs \(3,\)"):
        write({"a": torch.zeros(2)}, shapes(a=3))
