"""The small model before training has the parts of a large FiLA-Video model, and initial weights that save steps."""

import json

import pytest
import torch
from transformers import (
    AutoModelForImageTextToText,
    AutoTokenizer,
    GenerationConfig,
    Qwen2Model,
    SiglipVisionModel,
)

from configuration_fila import FilaVideoConfig
from fila_video.conversion.checkpoint_folder import generation_config
from fila_video.mini.architecture import NUM_SCENES, mini_config
from fila_video.mini.tokenizer import mini_tokenizer
from fila_video.mini.untrained import LOOK_BACK, write_untrained
from modeling_fila.scene_merging import WeightedSceneMerging
from processing_fila import FilaVideoProcessor
from tests.environment import REPOSITORY


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


def test_near_numbers_start_near_each_other(untrained):
    """Before training, a number is known only by its embedding: 12 has to be more similar to 13 than to 40."""
    tokenizer = FilaVideoProcessor.from_pretrained(untrained).tokenizer
    rows = AutoModelForImageTextToText.from_pretrained(untrained).get_input_embeddings().weight
    nine, ten, twelve, thirteen, forty = (
        rows[tokenizer.encode(text)].squeeze(0) for text in ("9", "10", "12", "13", "40")
    )
    assert twelve @ thirteen > 2 * abs(twelve @ forty)
    waves = len(nine) // 2
    assert nine[:waves] @ ten[:waves] > 2 * abs(nine[:waves] @ forty[:waves])
    assert abs(rows.std() - rows[tokenizer.encode("<video>")].std()) < 0.02


def test_heads_look_back_to_the_time_and_to_the_scene_before(untrained):
    """The distances are those of the prompt, which repeats `<5.3 seconds><video>`."""
    tokenizer = FilaVideoProcessor.from_pretrained(untrained).tokenizer
    ids = tokenizer("<5.3 seconds><video><12.0 seconds><video>", return_tensors="pt").input_ids[0]
    to_seconds, to_scene = LOOK_BACK
    assert tokenizer.decode(ids[-1 - to_seconds]) == "12"
    assert tokenizer.decode(ids[-1 - to_scene]) == "<video>"

    model = AutoModelForImageTextToText.from_pretrained(untrained, attn_implementation="eager")
    text = torch.randint(10, 400, (1, 200), generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        attentions = model(input_ids=text, output_attentions=True).attentions[0][0]  # (heads, T, T)
    for head, distance in enumerate(LOOK_BACK):
        assert attentions[head].diagonal(-distance).mean() > 0.9
    assert attentions[len(LOOK_BACK) :].diagonal(-to_seconds, dim1=1, dim2=2).mean() < 0.1


def test_the_shipped_generation_config_is_what_the_writer_writes(tmp_path):
    shipped = REPOSITORY / "checkpoints" / "fila-video-mini"
    tokenizer = AutoTokenizer.from_pretrained(shipped, trust_remote_code=False)
    generation_config(FilaVideoConfig.from_pretrained(shipped), tokenizer).save_pretrained(tmp_path)
    written, found = (json.loads((folder / "generation_config.json").read_text()) for folder in (tmp_path, shipped))
    for values in (written, found):
        del values["transformers_version"]
    assert found == written
    # <image> and <video> are the fourth and the fifth token; <|endoftext|> and <|im_end|> the first two.
    assert (found["suppress_tokens"], found["eos_token_id"], found["max_new_tokens"]) == ([3, 4], [0, 1], 512)


def test_the_untrained_model_has_the_same_one(untrained):
    shipped = GenerationConfig.from_pretrained(REPOSITORY / "checkpoints" / "fila-video-mini")
    own = AutoModelForImageTextToText.from_pretrained(untrained).generation_config
    assert (own.suppress_tokens, own.max_new_tokens) == (shipped.suppress_tokens, shipped.max_new_tokens)
