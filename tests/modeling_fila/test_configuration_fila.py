"""The configuration: its defaults are the paper's numbers, and contradictions are refused."""

import json

import pytest
from transformers import AutoConfig, Qwen2Config, SiglipVisionConfig

from configuration_fila import FilaVideoConfig


def test_defaults_are_the_papers_model():
    config = FilaVideoConfig()
    assert (config.num_frames, config.num_scenes, config.scene_size) == (96, 32, 3)
    methods = (config.scene_selection, config.scene_supplement, config.scene_merging, config.kmeans_init)
    assert methods == ("kmeans", "similar", "weighted", "random")
    vision, text = config.vision_config, config.text_config
    assert (vision.model_type, vision.hidden_size, vision.num_hidden_layers) == ("siglip_vision_model", 1152, 26)
    assert (vision.image_size, vision.patch_size, config.patches_per_side) == (384, 14, 27)
    assert (text.model_type, text.hidden_size, text.num_hidden_layers) == ("qwen2", 3584, 28)
    assert (text.num_key_value_heads, text.vocab_size, text.rope_parameters["rope_theta"]) == (4, 152064, 1e6)


def test_fila_base_is_a_scene_for_every_frame():
    assert FilaVideoConfig(scene_selection="uniform", scene_merging="none").scene_size == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"scene_selection": "random"}, "scene_selection='random'"),
        ({"scene_supplement": "next"}, "scene_supplement='next'"),
        ({"scene_merging": "sum"}, "scene_merging='sum'"),
        ({"kmeans_init": "first"}, "kmeans_init='first'"),
        ({"spatial_pool_mode": "cubic"}, "spatial_pool_mode='cubic'"),
        ({"newline_position": "row"}, "newline_position='row'"),
        ({"scene_size": 0}, "scene_size=0"),
        ({"num_scenes": 0}, "num_scenes=0"),
        ({"num_frames": -1}, "num_frames=-1"),
        ({"spatial_pool_stride": 0}, "spatial_pool_stride=0"),
        ({"frames_per_chunk": 0}, "frames_per_chunk=0"),
        ({"kmeans_max_iterations": 0}, "kmeans_max_iterations=0"),
        ({"kmeans_tolerance": -1.0}, "kmeans_tolerance=-1.0"),
        (
            {"scene_merging": "none", "scene_selection": "uniform", "scene_size": 3},
            "scene_size=3 contradicts scene_merging='none'",
        ),
        ({"scene_merging": "none"}, "scene_selection='kmeans' contradicts scene_merging='none'"),
        ({"selection_layer": -1}, "selection_layer=-1 must be from 0 to 26, the number of layers"),
        ({"selection_layer": 27}, "selection_layer=27 must be from 0 to 26"),
        (
            {"scene_merging": "none", "scene_selection": "uniform", "selection_layer": 6},
            "selection_layer=6 contradicts scene_merging='none'",
        ),
        ({"kmeans_tolerance": float("nan")}, "kmeans_tolerance=nan"),
        ({"image_token_id": 5, "video_token_id": 5}, "are both 5"),
        ({"spatial_pool_stride": 28}, "spatial_pool_stride=28 is more than the 27 patches"),
        ({"image_grid_pinpoints": []}, r"image_grid_pinpoints=\[\]"),
        ({"image_grid_pinpoints": [[384, 400]]}, r"\[384, 400\], which is no multiple"),
        ({"vision_aspect_ratio": "pad"}, "vision_aspect_ratio='pad'"),
        ({"vision_config": {"model_type": "clip_vision_model"}}, "'clip_vision_model' is not supported"),
    ],
)
def test_contradictions_are_refused_by_field_and_value(options, message):
    with pytest.raises(ValueError, match=message):
        FilaVideoConfig(**options)


def test_a_contradiction_made_later_is_found_when_saving(tmp_path):
    config = FilaVideoConfig()
    config.scene_merging = "sum"
    with pytest.raises(Exception, match="scene_merging='sum'"):
        config.save_pretrained(tmp_path)


def test_a_value_of_the_wrong_type_names_its_field():
    with pytest.raises(Exception, match="num_scenes.*32"):
        FilaVideoConfig(num_scenes="32")


def test_sub_configurations_may_be_dicts_or_objects():
    vision, text = SiglipVisionConfig(hidden_size=64), Qwen2Config(hidden_size=96)
    by_object = FilaVideoConfig(vision_config=vision, text_config=text)
    by_dict = FilaVideoConfig(vision_config=vision.to_dict(), text_config=text.to_dict())
    assert by_object.vision_config is vision and by_object.text_config is text
    assert by_dict.to_dict() == by_object.to_dict()


def test_a_dict_given_by_the_user_is_left_as_it_is():
    vision = {"model_type": "siglip_vision_model", "hidden_size": 64}
    FilaVideoConfig(vision_config=vision)
    assert vision == {"model_type": "siglip_vision_model", "hidden_size": 64}


def test_a_tied_language_model_ties_the_model():
    assert FilaVideoConfig(text_config={"tie_word_embeddings": True}).tie_word_embeddings


def test_saved_and_loaded_it_is_the_same(tmp_path):
    config = FilaVideoConfig(num_scenes=8, scene_size=5, selection_layer=6, newline_position="grid")
    config.save_pretrained(tmp_path)
    loaded = AutoConfig.from_pretrained(tmp_path)
    assert loaded.to_diff_dict() == config.to_diff_dict() and loaded.selection_layer == 6


def test_its_json_says_where_the_code_is():
    values = json.loads(FilaVideoConfig().to_json_string())
    assert set(values["auto_map"]) == {
        "AutoConfig",
        "AutoModel",
        "AutoModelForImageTextToText",
        "AutoModelForMultimodalLM",
    }
    pipeline = values["custom_pipelines"]["video-text-to-text"]
    assert pipeline == {"impl": "pipeline_fila.VideoTextToTextPipeline", "pt": ["AutoModelForImageTextToText"]}
