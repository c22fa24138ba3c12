"""SigLIP and Qwen2, joined by a new projector. This is the start of stage 1."""

import math

import pytest
import torch
from safetensors.torch import load_file
from transformers import Qwen2ForCausalLM, SiglipModel

from convert_checkpoint import convert_checkpoint
from fila_video.conversion import ConversionError
from modeling_fila import FilaVideoForConditionalGeneration
from tests.fila_video.conversion.sources import TOKENIZER, write_llava_onevision, write_qwen2, write_siglip
from tests.fila_video.conversion.sources import llava_onevision as make_llava


@pytest.fixture(scope="module")
def parts(tmp_path_factory):
    folder = tmp_path_factory.mktemp("parts")
    return write_siglip(folder / "siglip"), write_qwen2(folder / "qwen2")


@pytest.fixture(scope="module")
def joined(parts, tmp_path_factory):
    siglip, qwen2 = parts
    folder = tmp_path_factory.mktemp("joined") / "out"
    parity = convert_checkpoint(qwen2, folder, vision_tower=str(siglip))
    assert parity.differences["text"] < 1e-5 and "image and video cannot be compared" in str(parity)
    return folder


def test_frames_are_read_before_the_last_layer(parts, joined):
    """The output of our tower is `hidden_states[-2]` of SigLIP."""
    pixels = torch.randn(2, 3, 42, 42)
    ours = FilaVideoForConditionalGeneration.from_pretrained(joined)
    siglip = SiglipModel.from_pretrained(parts[0])
    with torch.no_grad():
        expected = siglip.vision_model(pixels, output_hidden_states=True).hidden_states[-2]
        found = ours.model.vision_tower(pixels, output_hidden_states=True).hidden_states[-1]
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)


def test_the_language_model_answers_as_before(parts, joined):
    ids = torch.tensor([TOKENIZER("What happens in the video?").input_ids])
    with torch.no_grad():
        expected = Qwen2ForCausalLM.from_pretrained(parts[1])(ids).logits
        found = FilaVideoForConditionalGeneration.from_pretrained(joined)(input_ids=ids).logits
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)


def test_projector_newline_and_merging_are_new(parts, joined):
    weights = load_file(joined / "model.safetensors")
    assert torch.equal(weights["model.scene_merging.weight"], torch.full((3, 9, 32), 1 / 3))
    assert weights["model.multi_modal_projector.linear_1.bias"].abs().max() == 0
    for layer in ("linear_1", "linear_2"):
        assert weights[f"model.multi_modal_projector.{layer}.weight"].std().item() == pytest.approx(0.02, rel=0.1)
    assert weights["model.image_newline"].std().item() == pytest.approx(1 / math.sqrt(48), rel=0.4)


def test_either_part_can_be_the_source_and_the_seed_is_ours_to_choose(parts, joined, tmp_path):
    siglip, qwen2 = parts
    state = torch.get_rng_state()
    convert_checkpoint(siglip, tmp_path / "same", language_model=str(qwen2), parity=False)
    convert_checkpoint(siglip, tmp_path / "other", language_model=str(qwen2), seed=1, parity=False)
    assert torch.equal(torch.get_rng_state(), state)
    weights, same, other = (
        load_file(folder / "model.safetensors") for folder in (joined, tmp_path / "same", tmp_path / "other")
    )
    assert all(torch.equal(weights[name], same[name]) for name in weights)
    different = {name for name in weights if not torch.equal(weights[name], other[name])}
    assert different == {"model.image_newline"} | {
        f"model.multi_modal_projector.linear_{layer}.weight" for layer in (1, 2)
    }


def test_what_is_not_used_is_listed_with_its_reason(parts, tmp_path):
    key_map = convert_checkpoint(parts[1], tmp_path / "out", vision_tower=str(parts[0]), dry_run=True).splitlines()
    for line in (
        "text_model.embeddings.token_embedding.weight (model.safetensors): SigLIP's text tower is not used",
        "logit_scale (model.safetensors): SigLIP's text tower is not used",
        "vision_model.head.probe (model.safetensors): part of the pooling head, but the projector reads patches",
        "vision_model.encoder.layers.3.mlp.fc1.bias (model.safetensors): the projector reads the output of layer 2",
        "model.multi_modal_projector.linear_1.weight  (48, 32)  <-  initialized here",
    ):
        assert f"  {line}" in key_map
    assert not (tmp_path / "out").exists()


def test_the_towers_precision_follows_the_language_model(parts, tmp_path):
    model = Qwen2ForCausalLM.from_pretrained(parts[1]).bfloat16()
    model.save_pretrained(tmp_path / "half")
    TOKENIZER.save_pretrained(tmp_path / "half")
    convert_checkpoint(tmp_path / "half", tmp_path / "out", vision_tower=str(parts[0]))
    assert {tensor.dtype for tensor in load_file(tmp_path / "out" / "model.safetensors").values()} == {torch.bfloat16}


def test_both_parts_are_needed_and_must_be_what_they_should_be(parts, tmp_path):
    siglip, qwen2 = parts
    with pytest.raises(
        ConversionError, match="qwen2 is a language model: give a SigLIP checkpoint with --vision-tower"
    ):
        convert_checkpoint(qwen2, tmp_path / "out")
    with pytest.raises(
        ConversionError, match="siglip is a vision tower: give a Qwen2 checkpoint with --language-model"
    ):
        convert_checkpoint(siglip, tmp_path / "out")
    with pytest.raises(ConversionError, match="model_type='qwen2' of .*qwen2 is not a SigLIP tower"):
        convert_checkpoint(qwen2, tmp_path / "out", vision_tower=str(qwen2))
    with pytest.raises(ConversionError, match="model_type='siglip' of .*siglip is not 'qwen2'"):
        convert_checkpoint(siglip, tmp_path / "out", language_model=str(siglip))
    llava = write_llava_onevision(tmp_path / "llava", make_llava())
    with pytest.raises(ConversionError, match="model_type='llava_onevision' of .* is not a SigLIP tower"):
        convert_checkpoint(qwen2, tmp_path / "out", vision_tower=str(llava))
