"""int8 and int4 weights through optimum-quanto: only the language model is quantized."""

import re
from pathlib import Path

import pytest
import torch
from optimum.quanto import QLinear
from torch import nn
from transformers import AutoConfig, AutoModel, AutoModelForImageTextToText, QuantoConfig

from modeling_fila import FilaVideoForConditionalGeneration
from tests.models import left_padded, prompt, random_videos, small_model


GUIDE = Path(__file__).resolve().parents[2] / "docs" / "quantize.md"
NUM_LAYERS, PROJECTIONS = 2, {"q", "k", "v", "o", "gate", "up", "down"}


@pytest.fixture(scope="module")
def model():
    return small_model(scene_merging="attention")


@pytest.fixture(scope="module")
def saved(model, tmp_path_factory):
    folder = tmp_path_factory.mktemp("model")
    model.save_pretrained(folder)
    return folder


def load(folder, weights, auto_class=AutoModelForImageTextToText):
    keep = AutoConfig.from_pretrained(folder).modules_to_not_quantize
    quantization = QuantoConfig(weights=weights, modules_to_not_convert=keep)
    return auto_class.from_pretrained(folder, quantization_config=quantization)


def question():
    pixels, _ = random_videos(9)
    return {**left_padded(prompt([3, 4], 17, [5, 6, 7, 8])), "pixel_values_videos": pixels}


def quantized_modules(model):
    return {name for name, module in model.named_modules() if isinstance(module, QLinear)}


def rounded_to_int8(weight):
    """Rounds to 127 steps on each side of zero. The size of a step follows the largest value of a row."""
    step = weight.abs().amax(dim=1, keepdim=True) / 127
    return (weight / step).round() * step


@pytest.mark.parametrize("weights", ["int8", "int4"])
@pytest.mark.parametrize(
    ("auto_class", "prefix"), [(AutoModelForImageTextToText, "model."), (AutoModel, "")], ids=["with head", "bare"]
)
def test_only_the_language_models_projections_are_quantized(saved, weights, auto_class, prefix):
    names = {re.sub(r"\d+", "N", name) for name in quantized_modules(load(saved, weights, auto_class))}
    blocks = {projection: "self_attn" if projection in "qkvo" else "mlp" for projection in PROJECTIONS}
    assert names == {f"{prefix}language_model.layers.N.{block}.{name}_proj" for name, block in blocks.items()}


@torch.no_grad()
def test_what_stays_in_float_is_bit_for_bit_what_was_saved(model, saved):
    quantized = load(saved, "int8")
    names = quantized_modules(quantized)
    assert len(names) == NUM_LAYERS * len(PROJECTIONS)
    loaded = dict(quantized.named_parameters())
    for name, weight in model.named_parameters():
        if name.removesuffix(".weight") not in names:
            assert torch.equal(loaded[name], weight), name
    pixels = question()["pixel_values_videos"]
    assert torch.equal(
        quantized.get_video_features(pixels).pooler_output[0], model.get_video_features(pixels).pooler_output[0]
    )


@torch.no_grad()
def test_int8_answers_as_if_the_weights_had_been_rounded(model, saved):
    quantized = load(saved, "int8")
    rounded = FilaVideoForConditionalGeneration.from_pretrained(saved)
    for module in rounded.model.language_model.layers.modules():
        if isinstance(module, nn.Linear):
            module.weight.copy_(rounded_to_int8(module.weight))
    logits = quantized(**question()).logits
    torch.testing.assert_close(logits, rounded(**question()).logits, rtol=1e-3, atol=1e-3)

    plain = model(**question()).logits
    assert (logits - plain).norm() < 0.03 * plain.norm()
    options = {"max_new_tokens": 12, "do_sample": False}
    assert torch.equal(quantized.generate(**question(), **options), rounded.generate(**question(), **options))


@pytest.mark.parametrize("tied", [False, True])
def test_a_tied_head_is_kept_with_the_embeddings(tmp_path, tied):
    small_model(tie_word_embeddings=tied).save_pretrained(tmp_path)
    quantized = load(tmp_path, "int8")
    assert type(quantized.lm_head) is nn.Linear
    assert (quantized.lm_head.weight is quantized.get_input_embeddings().weight) == tied


@pytest.mark.slow  # compiles quanto's extension when it is used for the first time
@torch.no_grad()
def test_int4_answers_roughly_as_float(model, saved):
    quantized = load(saved, "int4")
    for name in quantized_modules(quantized):
        weight, old = quantized.get_submodule(name).weight.dequantize(), model.get_submodule(name).weight
        # There are 15 steps from the smallest to the largest value of a row. No value is off by more than half a step.
        step = (old.amax(dim=1, keepdim=True).clamp(min=0) - old.amin(dim=1, keepdim=True).clamp(max=0)) / 15
        assert ((weight - old).abs() <= 0.5001 * step).all(), name
    logits, plain = quantized(**question()).logits, model(**question()).logits
    assert (logits - plain).norm() < 0.3 * plain.norm()
    assert quantized.generate(**question(), max_new_tokens=4, min_new_tokens=4).shape[1] == 23 + 4


def test_the_guides_command_works(saved):
    """The first Python block of docs/quantize.md, on a small model."""
    code = re.search(r"```python\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL).group(1)
    names = {"path": str(saved)}
    exec(code, names)
    assert isinstance(names["model"], FilaVideoForConditionalGeneration)
    assert all(".language_model." in name for name in quantized_modules(names["model"]))
    assert names["model"].generate(**question(), max_new_tokens=2, min_new_tokens=2).shape[1] == 23 + 2
