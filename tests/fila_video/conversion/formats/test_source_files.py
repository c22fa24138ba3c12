"""Damaged, incomplete and unknown sources: an error that names the file, exit status 1, and no output folder."""

import json
import shutil
import struct

import pytest
import torch
from safetensors.torch import load_file, save_file

from convert_checkpoint import main
from fila_video.conversion.weights.shards import write_shards
from tests.fila_video.conversion.sources import llava_onevision, write_llava_onevision


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A checkpoint of three files and their index."""
    folder = write_llava_onevision(tmp_path_factory.mktemp("whole") / "source", llava_onevision())
    tensors = load_file(folder / "model.safetensors")
    shapes = {name: (tensor.shape, tensor.dtype) for name, tensor in tensors.items()}
    largest = sum(tensor.nbytes for tensor in tensors.values()) * 2 // 5
    write_shards(folder, tensors.items(), shapes, largest)
    (folder / "model.safetensors").unlink()
    assert len(list(folder.glob("*.safetensors"))) == 3
    return folder


@pytest.fixture
def source(whole, tmp_path):
    return shutil.copytree(whole, tmp_path / "in" / "source")


@pytest.fixture
def fails(tmp_path, capsys):
    """fails(source): converts a source, checks that it fails and leaves nothing, and returns the standard error."""

    def convert(source, *arguments):
        output = tmp_path / "out" / "converted"
        assert main([str(source), str(output), *arguments]) == 1
        assert not output.parent.exists() or list(output.parent.iterdir()) == []
        return capsys.readouterr().err

    return convert


def second(source):
    return source / "model-00002-of-00003.safetensors"


def change_header(path, change):
    raw = path.read_bytes()
    (length,) = struct.unpack("<Q", raw[:8])
    header = json.loads(raw[8 : 8 + length])
    change(header)
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + raw[8 + length :])


def first_entry(header):
    return next(value for name, value in header.items() if name != "__metadata__")


def test_the_whole_one_converts(whole, tmp_path):
    assert main([str(whole), str(tmp_path / "out"), "--no-parity"]) == 0


@pytest.mark.parametrize("size", [0, 5, 100, -1])
def test_a_truncated_shard(source, fails, size):
    raw = second(source).read_bytes()
    second(source).write_bytes(raw[:size])
    assert f"{second(source)} is damaged" in fails(source)


def test_a_header_of_nonsense(source, fails):
    raw = bytearray(second(source).read_bytes())
    raw[8:40] = b"\xff" * 32
    second(source).write_bytes(raw)
    assert f"{second(source)} is damaged" in fails(source)


def test_a_header_that_claims_to_be_huge(source, fails):
    raw = second(source).read_bytes()
    second(source).write_bytes(struct.pack("<Q", 2**60) + raw[8:])
    assert f"{second(source)} is damaged" in fails(source)


@pytest.mark.parametrize(
    "change",
    [
        lambda header: first_entry(header).update(data_offsets=[0, 10**12]),
        lambda header: first_entry(header).update(data_offsets=[8, 4]),
        lambda header: first_entry(header).update(shape=[3, 10**9]),
        lambda header: first_entry(header).update(dtype="F31"),
    ],
    ids=["end behind the file", "end before start", "shape", "dtype"],
)
def test_a_tampered_header(source, fails, change):
    change_header(second(source), change)
    assert f"{second(source)} is damaged" in fails(source)


def test_a_shard_that_is_not_there(source, fails):
    second(source).unlink()
    error = fails(source)
    assert f"names {second(source).name}" in error and "does not have" in error


def test_a_shard_that_the_index_does_not_name(source, fails):
    path = source / "model.safetensors.index.json"
    index = json.loads(path.read_text())
    index["weight_map"] = {name: file for name, file in index["weight_map"].items() if file != second(source).name}
    path.write_text(json.dumps(index))
    assert f"has {second(source).name}, which {path} does not name" in fails(source)


def test_an_index_that_misses_a_tensor_and_invents_one(source, fails):
    path = source / "model.safetensors.index.json"
    index = json.loads(path.read_text())
    name = next(name for name, file in index["weight_map"].items() if file == second(source).name)
    index["weight_map"]["invented"] = index["weight_map"].pop(name)
    path.write_text(json.dumps(index))
    error = fails(source)
    assert f"{path} and {second(source).name} contradict each other" in error
    assert "in the index, but not in the file (1):\n  invented" in error
    assert f"in the file, but not in the index (1):\n  {name}" in error


def test_an_index_that_points_out_of_its_folder(source, fails):
    path = source / "model.safetensors.index.json"
    index = json.loads(path.read_text())
    index["weight_map"]["image_newline"] = "../secret.safetensors"
    path.write_text(json.dumps(index))
    assert "../secret.safetensors, which is not a file of its folder" in fails(source)


def test_an_index_that_is_no_json_or_empty(source, fails):
    path = source / "model.safetensors.index.json"
    path.write_text("{")
    assert f"{path} is not JSON" in fails(source)
    path.write_text("{}")
    assert f"{path} has no weight_map" in fails(source)
    path.unlink()
    error = fails(source)
    assert second(source).name in error and "neither model.safetensors nor model.safetensors.index.json" in error


def test_configurations_that_say_nothing(source, fails):
    path = source / "config.json"
    path.write_text("[]")
    assert f"{path} holds a list" in fails(source)
    path.write_text('{"model_type": "bert"}')
    assert "model_type='bert'" in fails(source)
    path.unlink()
    assert f"{source} has no config.json" in fails(source)


def test_no_weights_and_no_tokenizer(source, fails):
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (source / name).unlink()
    assert f"{source} has no tokenizer" in fails(source)
    for path in (*source.glob("*.safetensors"), source / "model.safetensors.index.json"):
        path.unlink()
    assert f"{source} has no weights" in fails(source)


def test_every_missing_unexpected_and_misshapen_tensor_is_listed(tmp_path, fails):
    source = write_llava_onevision(tmp_path / "in" / "source", llava_onevision())
    tensors = load_file(source / "model.safetensors")
    for name in ("image_newline", "language_model.model.norm.weight"):
        del tensors[name]
    tensors |= {"strange": torch.zeros(1), "vision_tower.vision_model.extra.weight": torch.zeros(1)}
    tensors["multi_modal_projector.linear_1.bias"] = torch.zeros(7)
    save_file(tensors, source / "model.safetensors")
    error = fails(source)
    assert "missing (2):\n  model.image_newline\n  model.language_model.norm.weight\n" in error
    assert "unexpected (2):\n  strange\n  vision_tower.vision_model.extra.weight (model.safetensors), as " in error
    assert "wrong shape (1):\n  model.multi_modal_projector.linear_1.bias: (7,) in " in error
    summary = "The tensors do not form the model that config.json describes."
    assert error.splitlines()[-1] == f"convert_checkpoint: {source}: {summary}"


def test_integers_quantized_and_mixed_weights_are_refused(tmp_path, fails):
    source = write_llava_onevision(tmp_path / "in" / "source", llava_onevision())
    tensors = load_file(source / "model.safetensors")
    save_file({**tensors, "image_newline": torch.zeros(48, dtype=torch.int64)}, source / "model.safetensors")
    assert "not floating-point (1):\n  image_newline (model.safetensors): torch.int64" in fails(source)
    save_file({**tensors, "image_newline": torch.zeros(48, dtype=torch.int8)}, source / "model.safetensors")
    assert "stored as I8: quantized checkpoints cannot be converted" in fails(source)
    save_file({**tensors, "image_newline": torch.zeros(48).half()}, source / "model.safetensors")
    assert "have several dtypes (float16, float32): choose one with --dtype" in fails(source)
    assert main([str(source), str(tmp_path / "out" / "cast"), "--dtype", "float32", "--no-parity"]) == 0


def test_two_tensors_for_one_weight_are_refused(tmp_path, fails):
    source = write_llava_onevision(tmp_path / "in" / "source", llava_onevision())
    tensors = load_file(source / "model.safetensors")
    save_file({**tensors, "model.image_newline": torch.zeros(48)}, source / "model.safetensors")
    assert "both become model.image_newline" in fails(source)


def test_what_follows_from_the_configuration_is_left_out(tmp_path):
    source = write_llava_onevision(tmp_path / "source", llava_onevision())
    tensors = load_file(source / "model.safetensors")
    tensors["language_model.model.layers.0.self_attn.rotary_emb.inv_freq"] = torch.zeros(6)
    tensors["vision_tower.vision_model.embeddings.position_ids"] = torch.arange(9)[None]
    save_file(tensors, source / "model.safetensors")
    assert main([str(source), str(tmp_path / "out")]) == 0


@pytest.fixture
def pickled(tmp_path):
    source = write_llava_onevision(tmp_path / "in" / "source", llava_onevision())
    torch.save(load_file(source / "model.safetensors"), source / "pytorch_model.bin")
    (source / "model.safetensors").unlink()
    return source


def test_pickles_are_read_only_when_allowed(pickled, tmp_path, fails):
    assert "pytorch_model.bin" in (error := fails(pickled)) and "--allow-pickle" in error
    assert main([str(pickled), str(tmp_path / "out" / "converted"), "--allow-pickle"]) == 0


class Harmful:
    def __reduce__(self):
        return print, ("harm done",)


def test_pickles_that_hold_more_than_tensors_are_refused(pickled, fails, capsys):
    path = pickled / "pytorch_model.bin"
    torch.save({"a": Harmful()}, path)
    assert f"{path} cannot be read with weights_only" in fails(pickled, "--allow-pickle")
    assert "harm done" not in capsys.readouterr().out
    torch.save({"a": 1}, path)
    assert f"{path} does not hold a dictionary of tensors" in fails(pickled, "--allow-pickle")
    path.write_bytes(b"nonsense")
    assert f"{path} cannot be read" in fails(pickled, "--allow-pickle")
