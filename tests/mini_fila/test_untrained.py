"""The mini before training: the parts of a large FiLA-Video, and a tokenizer for its world."""

import pytest
import torch
from transformers import AutoModelForImageTextToText, Qwen2Model, SiglipVisionModel

from evaluation_fila.splits import draw_sample
from mini_fila.untrained import NUM_SCENES, mini_config, mini_tokenizer, write_untrained
from modeling_fila.scene_merging import WeightedSceneMerging
from processing_fila import FilaVideoProcessor


@pytest.fixture(scope="module")
def untrained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("mini") / "untrained"
    write_untrained(folder, seed=5)
    return folder


def test_the_classes_are_those_of_the_large_model(untrained):
    model = AutoModelForImageTextToText.from_pretrained(untrained)
    assert isinstance(model.model.vision_tower, SiglipVisionModel)
    assert isinstance(model.model.language_model, Qwen2Model)
    assert isinstance(model.model.scene_merging, WeightedSceneMerging)
    assert sum(parameter.numel() for parameter in model.parameters()) * 2 < 16e6  # bytes of bfloat16


def test_a_scene_is_one_token_and_times_stand_before_it(untrained):
    processor = FilaVideoProcessor.from_pretrained(untrained)
    assert processor.timestamps == "interleaved"
    assert processor.num_video_tokens(48) == NUM_SCENES


def test_the_towers_weights_are_taken_over(tmp_path):
    model = AutoModelForImageTextToText.from_config(mini_config(mini_tokenizer()))
    tower = {name: torch.full_like(tensor, 0.5) for name, tensor in model.model.vision_tower.state_dict().items()}
    write_untrained(tmp_path / "with", seed=5, tower=tower)
    loaded = AutoModelForImageTextToText.from_pretrained(tmp_path / "with").model.vision_tower
    assert all((tensor == 0.5).all() for tensor in loaded.state_dict().values())


def test_the_same_seed_the_same_weights(untrained, tmp_path):
    write_untrained(tmp_path / "again", seed=5)
    assert (tmp_path / "again" / "model.safetensors").read_bytes() == (untrained / "model.safetensors").read_bytes()


def test_the_tokenizer_is_short_and_exact():
    tokenizer = mini_tokenizer()
    _, asked = draw_sample("test", 3, num_questions=14)
    for text in (*(question.text for question in asked), *(question.answer for question in asked), "Übrigens: 42 %"):
        assert tokenizer.decode(tokenizer.encode(text)) == text
    assert tokenizer.tokenize("<13.2 seconds><video>") == ["<", "13", ".2", " seconds>", "<video>"]
    assert tokenizer.tokenize("2012") == ["2", "0", "1", "2"]
    assert len(tokenizer.encode("What is in the first scene?")) <= 8


def test_near_numbers_start_near_each_other(untrained):
    """At first the model knows no more of a number than its row: 12 has to be more like 13 than like 40."""
    tokenizer = FilaVideoProcessor.from_pretrained(untrained).tokenizer
    rows = AutoModelForImageTextToText.from_pretrained(untrained).get_input_embeddings().weight
    twelve, thirteen, forty, seven = (rows[tokenizer.encode(text)].squeeze(0) for text in ("12", "13", "40", "7"))
    assert twelve @ thirteen > 2 * abs(twelve @ forty)
    padded = rows[tokenizer.encode("07")].squeeze(0)
    waves = len(padded) // 2
    torch.testing.assert_close(padded[:waves], seven[:waves])
    assert abs(rows.std() - rows[tokenizer.encode("<video>")].std()) < 0.02
