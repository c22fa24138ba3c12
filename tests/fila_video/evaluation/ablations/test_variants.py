"""The variants are those of the paper's tables."""

import json

from fila_video.evaluation.ablations.variants import TABLES
from modeling_fila import FilaVideoConfig


def test_every_variant_is_a_configuration():
    for variants in TABLES.values():
        assert len({variant.name for variant in variants}) == len(variants)
        for variant in variants:
            FilaVideoConfig(**{**variant.training, **variant.inference})


def test_table_1_gives_the_base_twice_the_visual_tokens():
    base, fila = TABLES["table1"]
    assert base.training["num_frames"] == 2 * fila.training["num_scenes"]
    assert base.training["scene_merging"] == "none" and fila.training["num_frames"] == 3 * fila.training["num_scenes"]


def test_table_2_differs_in_selection_only():
    assert {variant.run for variant in TABLES["table2"]} == {"weighted"}
    assert len({json.dumps(variant.inference) for variant in TABLES["table2"]}) == 5
