"""The parity check finds differences, says what it did not compare, and does not run without enough memory."""

import pytest
import torch

from convert_checkpoint import convert_checkpoint, main
from fila_video.conversion import ConversionError, parity
from fila_video.conversion.formats.source_model import ReferenceModel
from fila_video.conversion.parity import Parity, measure_parity, parity_clip
from modeling_fila import FilaVideoForConditionalGeneration
from tests.fila_video.conversion.sources import TOKENIZER, llava_onevision, write_llava_onevision


@pytest.fixture(scope="module")
def converted(tmp_path_factory):
    folder = tmp_path_factory.mktemp("parity")
    source = write_llava_onevision(folder / "source", llava_onevision())
    convert_checkpoint(source, folder / "out", base=True, parity=False)
    return folder / "out"


def measure(folder, change=lambda model: None, kinds=("text", "image", "video"), num_parameters=1):
    def load():
        model = FilaVideoForConditionalGeneration.from_pretrained(folder)
        change(model)
        return model

    model = FilaVideoForConditionalGeneration.from_pretrained(folder)
    reference = ReferenceModel("a reference", kinds, load)
    return measure_parity(type(model), folder, model.config, TOKENIZER, reference, num_parameters)


def test_the_same_model_does_not_differ(converted):
    assert measure(converted).differences == {"text": 0.0, "image": 0.0, "video": 0.0}


@pytest.mark.parametrize(
    ("part", "unmoved"),
    [
        ("language_model.norm", set()),
        ("multi_modal_projector.linear_1", {"text"}),
        ("vision_tower.embeddings", {"text"}),
    ],
)
def test_a_part_that_differs_is_seen(converted, part, unmoved):
    @torch.no_grad()
    def change(model):
        for parameter in model.model.get_submodule(part).parameters():
            parameter += 0.1

    with pytest.raises(
        ConversionError, match="does not give the same answers as its source. Largest logit difference to a reference"
    ) as error:
        measure(converted, change)
    assert {kind for kind in ("text", "image", "video") if f"{kind} 0.0e+00" in str(error.value)} == unmoved


def test_logits_that_are_no_numbers_are_seen(converted):
    with pytest.raises(ConversionError, match="text nan"):
        measure(converted, lambda model: model.lm_head.weight.data.fill_(float("nan")))


def test_what_was_not_compared_is_said(converted):
    result = measure(converted, kinds=("text",))
    assert str(result) == (
        "Largest logit difference to a reference, in float32: text 0.0e+00; image and video cannot be compared with it"
    )


def test_without_enough_memory_it_does_not_run_and_says_so(converted):
    result = measure(converted, num_parameters=10**12)
    assert result.differences == {}
    assert str(result).startswith("Parity with a reference was not checked: it needs 5200 GB of memory, but only ")


def test_a_model_that_answers_otherwise_is_not_left_behind(converted, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(parity, "LARGEST_DIFFERENCE", 0.0)
    assert main([str(converted), str(tmp_path / "out" / "model")]) == 1
    assert "does not give the same answers as its source" in capsys.readouterr().err
    assert list((tmp_path / "out").iterdir()) == []


def test_rounding_is_not_a_difference(converted, tmp_path):
    result = convert_checkpoint(converted, tmp_path / "half", dtype=torch.bfloat16)
    assert max(result.differences.values()) < 1e-5


def test_it_is_printed_at_the_end_or_left_out(converted, tmp_path, capsys):
    assert main([str(converted), str(tmp_path / "one")]) == 0
    first, last = capsys.readouterr().out.splitlines()
    assert first.startswith(
        "Largest logit difference to the checkpoint that it was made from, in float32: text 0.0e+00"
    )
    assert last == f"Wrote {tmp_path / 'one'}"
    assert main([str(converted), str(tmp_path / "two"), "--no-parity"]) == 0
    assert "was not checked: it was not requested." in capsys.readouterr().out


def test_the_clip_moves():
    clip = parity_clip(4, 42)
    assert clip.shape == (4, 42, 42, 3) and clip.dtype == "uint8"
    assert all((clip[index] != clip[index + 1]).any() for index in range(3))


def test_nothing_compared_reads_well():
    assert str(Parity("x", not_run="no room.")) == "Parity with x was not checked: no room."
