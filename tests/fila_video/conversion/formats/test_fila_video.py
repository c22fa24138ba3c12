"""A FiLA-Video checkpoint converted to another way of merging, and to LLaVA-OneVision."""

import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoConfig, AutoProcessor

from convert_checkpoint import convert_checkpoint
from fila_video.conversion import ConversionError
from modeling_fila import FilaVideoForConditionalGeneration
from tests.fila_video.conversion.sources import (
    llava_onevision,
    shake,
    write_llava_next,
    write_llava_onevision,
    write_siglip,
)


WEIGHT = "model.scene_merging.weight"


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Weighted merging, with weights that are no longer a mean."""
    folder = tmp_path_factory.mktemp("trained")
    source = write_llava_onevision(folder / "llava", llava_onevision())
    convert_checkpoint(source, folder / "fila", scene_merging="weighted", num_scenes=4, num_frames=12, parity=False)
    model = shake(FilaVideoForConditionalGeneration.from_pretrained(folder / "fila"))
    model.save_pretrained(folder / "fila")
    return folder / "fila"


def converted(source, folder, **options):
    parity = convert_checkpoint(source, folder, **options)
    assert max(parity.differences.values()) < 1e-4
    return load_file(folder / "model.safetensors"), AutoConfig.from_pretrained(folder), parity


def test_the_same_merging_keeps_its_weights(trained, tmp_path):
    weights, config, parity = converted(trained, tmp_path / "out", num_scenes=6, scene_selection="uniform")
    old = load_file(trained / "model.safetensors")
    assert weights.keys() == old.keys() and all(torch.equal(weights[name], old[name]) for name in old)
    assert (config.num_scenes, config.num_frames, config.scene_selection) == (6, 12, "uniform")
    assert set(parity.differences) == {"text", "image", "video"}
    assert AutoProcessor.from_pretrained(tmp_path / "out").num_scenes == 6


def test_fewer_scenes_and_more_again_are_still_compared(trained, tmp_path):
    for name, options in {"fewer": {"num_scenes": 2}, "more": {"num_scenes": 6}}.items():
        _, _, parity = converted(tmp_path / "fewer" if name == "more" else trained, tmp_path / name, **options)
        assert set(parity.differences) == {"text", "image", "video"}


def test_another_scene_size_starts_again_as_a_mean(trained, tmp_path):
    weights, config, parity = converted(trained, tmp_path / "out", scene_size=5)
    old = load_file(trained / "model.safetensors")
    assert torch.equal(weights.pop(WEIGHT), torch.full((5, 9, 32), 1 / 5)) and config.scene_size == 5
    assert all(torch.equal(weights[name], old[name]) for name in weights)
    assert set(parity.differences) == {"text", "image"}
    key_map = convert_checkpoint(trained, tmp_path / "again", scene_size=5, dry_run=True)
    assert (
        f"  {WEIGHT} (model.safetensors): merging changes from weighted (scenes of 3) to weighted (scenes of 5)"
        in key_map
    )


@pytest.mark.parametrize(
    ("merging", "new"),
    [
        ("average", set()),
        ("bsm", set()),
        ("attention", {"model.scene_merging.query_weight", "model.scene_merging.key_weight"}),
    ],
)
def test_another_merging_keeps_the_rest(trained, tmp_path, merging, new):
    weights, config, _ = converted(trained, tmp_path / "out", scene_merging=merging)
    old = load_file(trained / "model.safetensors")
    assert weights.keys() - old.keys() == new and old.keys() - weights.keys() == {WEIGHT}
    assert all(torch.equal(weights[name], old[name]) for name in weights.keys() & old.keys())
    assert (config.scene_merging, config.num_scenes) == (merging, 4)


def test_attention_does_not_depend_on_the_scene_size(trained, tmp_path):
    first, _, _ = converted(trained, tmp_path / "attention", scene_merging="attention", seed=3)
    second, config, _ = converted(tmp_path / "attention", tmp_path / "larger", scene_size=5)
    assert config.scene_size == 5 and all(torch.equal(first[name], second[name]) for name in first)


def test_to_base_and_to_merging_again(trained, tmp_path):
    _, config, _ = converted(trained, tmp_path / "early", selection_layer=1)
    assert config.selection_layer == 1
    weights, config, _ = converted(tmp_path / "early", tmp_path / "base", base=True)
    assert config.selection_layer is None
    assert WEIGHT not in weights and (config.scene_merging, config.scene_size, config.num_frames) == ("none", 1, 32)
    weights, config, _ = converted(tmp_path / "base", tmp_path / "again", scene_merging="weighted")
    assert torch.equal(weights[WEIGHT], torch.full((3, 9, 32), 1 / 3))
    assert (config.scene_selection, config.scene_size, config.num_frames) == ("kmeans", 3, 96)


def test_merging_weights_for_another_number_of_patches_are_refused(trained, tmp_path):
    shutil.copytree(trained, tmp_path / "source")
    tensors = load_file(trained / "model.safetensors")
    save_file({**tensors, WEIGHT: torch.zeros(3, 16, 32)}, tmp_path / "source" / "model.safetensors")
    with pytest.raises(ConversionError, match=r"shape \(3, 16, 32\), but a frame has 9 patches of width 32"):
        convert_checkpoint(tmp_path / "source", tmp_path / "out")


def test_options_that_contradict_each_other_are_refused(trained, tmp_path):
    with pytest.raises(ConversionError, match="scene_merging='bsm' contradicts base=True, which sets it to 'none'"):
        convert_checkpoint(trained, tmp_path / "out", base=True, scene_merging="bsm")
    with pytest.raises(ValueError, match="contradicts scene_merging='none'"):
        convert_checkpoint(trained, tmp_path / "out", scene_merging="none")
    with pytest.raises(ConversionError, match="vision_tower='x' cannot be used with a FiLA-Video checkpoint"):
        convert_checkpoint(trained, tmp_path / "out", vision_tower="x")
    with pytest.raises(ConversionError, match="to='gguf' is unknown"):
        convert_checkpoint(trained, tmp_path / "out", to="gguf")


def test_the_reverse_conversion_drops_merging_and_says_so(trained, tmp_path):
    parity = convert_checkpoint(trained, tmp_path / "back", to="llava-onevision")
    assert set(parity.differences) == {"text", "image"} and max(parity.differences.values()) < 1e-4
    key_map = convert_checkpoint(trained, tmp_path / "again", to="llava-onevision", dry_run=True)
    assert f"  {WEIGHT} (model.safetensors): LLaVA-OneVision has no scene merging" in key_map


def test_the_reverse_conversion_says_what_transformers_class_does_not_do(tmp_path):
    tower = str(write_siglip(tmp_path / "siglip"))
    source = write_llava_next(tmp_path / "source", llava_onevision(), mm_newline_position="grid")
    convert_checkpoint(source, tmp_path / "fila", base=True, vision_tower=tower, parity=False)
    parity = convert_checkpoint(tmp_path / "fila", tmp_path / "back", to="llava-onevision")
    assert set(parity.differences) == {"text", "image"}
    assert "newline_position='grid', which this class does not have" in (tmp_path / "back" / "README.md").read_text()


def test_only_fila_video_is_converted_to_llava_onevision(trained, tmp_path):
    source = write_llava_onevision(tmp_path / "llava", llava_onevision())
    with pytest.raises(ConversionError, match="model_type='llava_onevision' of .* is not 'fila_video'"):
        convert_checkpoint(source, tmp_path / "out", to="llava-onevision")
    with pytest.raises(ConversionError, match="num_scenes=3 cannot be used with to='llava-onevision'"):
        convert_checkpoint(trained, tmp_path / "out", to="llava-onevision", num_scenes=3)


def test_missing_merging_weights_are_reported(trained, tmp_path):
    """They get initial values only if merging changes."""
    shutil.copytree(trained, tmp_path / "source")
    tensors = load_file(trained / "model.safetensors")
    del tensors[WEIGHT]
    save_file(tensors, tmp_path / "source" / "model.safetensors")
    with pytest.raises(ConversionError, match=rf"missing \(1\):\n  {WEIGHT}"):
        convert_checkpoint(tmp_path / "source", tmp_path / "out")
