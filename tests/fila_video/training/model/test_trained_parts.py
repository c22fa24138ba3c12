"""The part that each parameter belongs to, and the learning rate of each part."""

import pytest
import torch

from fila_video.training.model.trained_parts import PARTS, freeze_all_but, parameter_groups, part_of, table_of_parts
from tests.models import small_model


@pytest.fixture(scope="module")
def model():
    return small_model()


def test_every_parameter_is_in_one_part(model):
    parts = {name: part_of(name) for name, _ in model.named_parameters()}
    assert set(parts.values()) == {*PARTS, None}
    unused = {name for name, part in parts.items() if part is None}
    assert unused == {"model.vision_tower.post_layernorm.weight", "model.vision_tower.post_layernorm.bias"}
    assert parts["lm_head.weight"] == parts["model.image_newline"] == "language_model"


def test_an_unknown_parameter_is_an_error():
    with pytest.raises(ValueError, match=r"model\.audio_tower\.weight is in no part"):
        part_of("model.audio_tower.weight")


def test_peft_names_belong_to_the_part_they_wrap():
    assert (
        part_of("base_model.model.model.language_model.layers.0.mlp.up_proj.lora_A.default.weight") == "language_model"
    )
    assert part_of("base_model.model.model.scene_merging.modules_to_save.default.weight") == "scene_merging"


def test_all_but_the_trained_parts_are_frozen(model):
    freeze_all_but(model, ["multi_modal_projector", "scene_merging"])
    trained = {name.split(".")[1] for name, parameter in model.named_parameters() if parameter.requires_grad}
    assert trained == {"multi_modal_projector", "scene_merging"}


def test_a_part_without_parameters_is_an_error():
    with pytest.raises(ValueError, match="nothing to train in 'scene_merging'"):
        freeze_all_but(small_model(scene_merging="average"), ["scene_merging", "language_model"])


def test_groups_hold_each_trained_parameter_once_with_its_rate(model):
    freeze_all_but(model, PARTS)
    rates = dict(zip(PARTS, (1e-6, 2e-6, 3e-6, 4e-6), strict=True))
    decayed = [name for name, parameter in model.named_parameters() if parameter.dim() > 1]
    groups = parameter_groups(model, rates, weight_decay=0.1, decayed=decayed)
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    grouped = [names[id(parameter)] for group in groups for parameter in group["params"]]
    assert sorted(grouped) == sorted(name for name, parameter in model.named_parameters() if parameter.requires_grad)
    for group in groups:
        for parameter in group["params"]:
            name = names[id(parameter)]
            assert group["lr"] == rates[part_of(name)]
            assert group["weight_decay"] == (0.1 if name in decayed else 0.0)
    torch.optim.AdamW(groups)


def test_the_table_counts_what_is_trained(model):
    freeze_all_but(model, ["multi_modal_projector"])
    lines = {
        line.split()[0]: line.split()[1:]
        for line in table_of_parts(model, {"multi_modal_projector": 1e-3}).splitlines()
    }
    projector = 32 * 48 + 48 + 48 * 48 + 48  # two linear layers with bias, 32 -> 48 -> 48
    assert lines["multi_modal_projector"] == [f"{projector:,}", f"{projector:,}", "0.001"]
    assert lines["scene_merging"] == [f"{3 * 9 * 32:,}", "0", "frozen"]
