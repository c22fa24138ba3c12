"""Names in other formats and in FiLA-Video: lists written by hand, read both ways."""

import pytest

from conversion_fila import key_maps
from conversion_fila.key_maps import rename, reversed_table


LLAVA_ONEVISION = [
    ("language_model.model.embed_tokens.weight", "model.language_model.embed_tokens.weight"),
    ("language_model.model.layers.27.mlp.up_proj.weight", "model.language_model.layers.27.mlp.up_proj.weight"),
    ("language_model.model.norm.weight", "model.language_model.norm.weight"),
    ("language_model.lm_head.weight", "lm_head.weight"),
    (
        "vision_tower.vision_model.encoder.layers.0.self_attn.q_proj.bias",
        "model.vision_tower.encoder.layers.0.self_attn.q_proj.bias",
    ),
    ("vision_tower.vision_model.post_layernorm.weight", "model.vision_tower.post_layernorm.weight"),
    ("multi_modal_projector.linear_1.weight", "model.multi_modal_projector.linear_1.weight"),
    ("image_newline", "model.image_newline"),
]

LLAVA_NEXT = [
    ("model.embed_tokens.weight", "model.language_model.embed_tokens.weight"),
    ("model.layers.0.self_attn.k_proj.bias", "model.language_model.layers.0.self_attn.k_proj.bias"),
    ("model.norm.weight", "model.language_model.norm.weight"),
    ("lm_head.weight", "lm_head.weight"),
    ("model.mm_projector.0.weight", "model.multi_modal_projector.linear_1.weight"),
    ("model.mm_projector.2.bias", "model.multi_modal_projector.linear_2.bias"),
    ("model.image_newline", "model.image_newline"),
    (
        "model.vision_tower.vision_tower.vision_model.embeddings.patch_embedding.weight",
        "model.vision_tower.embeddings.patch_embedding.weight",
    ),
    (
        "model.vision_tower.vision_tower.vision_model.encoder.layers.25.mlp.fc1.weight",
        "model.vision_tower.encoder.layers.25.mlp.fc1.weight",
    ),
]

QWEN2 = [
    ("model.layers.3.input_layernorm.weight", "model.language_model.layers.3.input_layernorm.weight"),
    ("lm_head.weight", "lm_head.weight"),
]

SIGLIP = [
    ("vision_model.embeddings.position_embedding.weight", "model.vision_tower.embeddings.position_embedding.weight"),
    ("vision_model.head.probe", "model.vision_tower.head.probe"),
]

TWO_WAYS = [
    (getattr(key_maps, table), theirs, ours)
    for table, names in {
        "LLAVA_ONEVISION": LLAVA_ONEVISION,
        "LLAVA_NEXT": LLAVA_NEXT,
        "QWEN2": QWEN2,
        "SIGLIP": SIGLIP,
    }.items()
    for theirs, ours in names
]


@pytest.mark.parametrize(("table", "theirs", "ours"), TWO_WAYS, ids=[theirs for _, theirs, _ in TWO_WAYS])
def test_both_ways(table, theirs, ours):
    assert rename(theirs, table) == ours
    assert rename(ours, reversed_table(table)) == theirs


@pytest.mark.parametrize(
    "name",
    [
        "model.language_model.layers.0.mlp.up_proj.weight",
        "lm_head.weight",
        "model.vision_tower.embeddings.patch_embedding.weight",
        "model.multi_modal_projector.linear_2.weight",
        "model.image_newline",
    ],
)
def test_names_of_transformers_5_stay(name):
    assert rename(name, key_maps.LLAVA_ONEVISION_VARIANTS) == name


@pytest.mark.parametrize("prefix", ["model.vision_tower.vision_model.", "vision_tower."])
def test_the_towers_other_names(prefix):
    name = rename(f"{prefix}encoder.layers.0.mlp.fc1.bias", key_maps.LLAVA_ONEVISION_VARIANTS)
    assert name == "model.vision_tower.encoder.layers.0.mlp.fc1.bias"


def test_a_siglip_tower_alone_has_no_prefix():
    assert rename("encoder.layers.1.mlp.fc1.bias", key_maps.SIGLIP_VARIANTS) == (
        "model.vision_tower.encoder.layers.1.mlp.fc1.bias"
    )


@pytest.mark.parametrize("name", ["optimizer.step", "xmodel.norm.weight", "model.faster_token", ""])
def test_an_unknown_name_is_nothing(name):
    assert rename(name, key_maps.LLAVA_NEXT) is None


def test_a_table_that_leads_two_names_to_one_has_no_way_back():
    with pytest.raises(ValueError, match="no way back"):
        reversed_table({"a.": "c.", "b.": "c."})
