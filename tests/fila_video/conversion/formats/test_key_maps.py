"""Names in other formats and in FiLA-Video: lists written by hand, in both directions."""

import pytest

from fila_video.conversion.formats import key_maps
from fila_video.conversion.weights.prefixes import replace_prefix, reversed_prefixes


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

BOTH_DIRECTIONS = [
    (getattr(key_maps, table), theirs, ours)
    for table, names in {
        "LLAVA_ONEVISION": LLAVA_ONEVISION,
        "LLAVA_NEXT": LLAVA_NEXT,
        "QWEN2": QWEN2,
        "SIGLIP": SIGLIP,
    }.items()
    for theirs, ours in names
]


@pytest.mark.parametrize(("table", "theirs", "ours"), BOTH_DIRECTIONS, ids=[theirs for _, theirs, _ in BOTH_DIRECTIONS])
def test_both_directions(table, theirs, ours):
    assert replace_prefix(theirs, table) == ours
    assert replace_prefix(ours, reversed_prefixes(table)) == theirs


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
    assert replace_prefix(name, key_maps.LLAVA_ONEVISION_VARIANTS) == name


@pytest.mark.parametrize("prefix", ["model.vision_tower.vision_model.", "vision_tower."])
def test_other_names_of_the_vision_tower(prefix):
    name = replace_prefix(f"{prefix}encoder.layers.0.mlp.fc1.bias", key_maps.LLAVA_ONEVISION_VARIANTS)
    assert name == "model.vision_tower.encoder.layers.0.mlp.fc1.bias"


def test_a_siglip_tower_alone_has_no_prefix():
    assert replace_prefix("encoder.layers.1.mlp.fc1.bias", key_maps.SIGLIP_VARIANTS) == (
        "model.vision_tower.encoder.layers.1.mlp.fc1.bias"
    )
