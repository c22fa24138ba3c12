"""Checkpoints of the LLaVA-NeXT code: the same model as through transformers' format, and variants refused by name."""

import json

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoConfig, AutoProcessor, SiglipVisionConfig

from convert_checkpoint import convert_checkpoint
from fila_video.conversion import ConversionError
from fila_video.conversion.formats.llava_next import SIGLIP_SO400M, grid_pinpoints, translate_config
from fila_video.conversion.processor import build_processor
from modeling_fila import FilaVideoForConditionalGeneration
from tests.fila_video.conversion.sources import (
    IMAGE_ID,
    LLAVA_NEXT_CONFIG,
    PINPOINTS,
    TOKENIZER,
    VIDEO_ID,
    llava_onevision,
    write_llava_next,
    write_llava_onevision,
    write_siglip,
)


@pytest.fixture(scope="module")
def llava():
    return llava_onevision()


@pytest.fixture(scope="module")
def tower(tmp_path_factory):
    return str(write_siglip(tmp_path_factory.mktemp("tower") / "siglip"))


def test_it_becomes_the_model_that_transformers_format_becomes(llava, tower, tmp_path):
    convert_checkpoint(write_llava_onevision(tmp_path / "one", llava), tmp_path / "from_one", base=True)
    parity = convert_checkpoint(
        write_llava_next(tmp_path / "two", llava), tmp_path / "from_two", base=True, vision_tower=tower
    )
    assert max(parity.differences.values()) < 1e-4 and len(parity.differences) == 3
    one, two = (load_file(tmp_path / name / "model.safetensors") for name in ("from_one", "from_two"))
    assert one.keys() == two.keys() and all(torch.equal(one[name], two[name]) for name in one)
    one, two = (json.loads((tmp_path / name / "config.json").read_text()) for name in ("from_one", "from_two"))
    for config in (one, two):
        config["image_grid_pinpoints"].sort()
    assert one == two


@pytest.mark.parametrize(
    ("theirs", "tokens"),
    [
        ({}, 3 * 4 + 1),  # one_token where nothing is said
        ({"mm_newline_position": "grid"}, 3 * 2 * (2 + 1)),
        ({"mm_newline_position": "frame"}, 3 * (4 + 1)),
        ({"mm_newline_position": "no_token"}, 3 * 4),
        ({"mm_newline_position": "grid", "mm_spatial_pool_mode": "average"}, 3 * 1 * (1 + 1)),
        ({"mm_spatial_pool_mode": "max", "mm_spatial_pool_stride": 2}, 3 * 1 + 1),
    ],
)
def test_pooling_and_newlines_are_those_of_the_source(llava, tower, tmp_path, theirs, tokens):
    """Three frames of 3 x 3 patches; bilinear pooling gives sides of 2, the others of 1."""
    source = write_llava_next(tmp_path / "source", llava, **theirs)
    parity = convert_checkpoint(source, tmp_path / "out", vision_tower=tower)
    assert ("video" in parity.differences) == (theirs == {})
    model = FilaVideoForConditionalGeneration.from_pretrained(tmp_path / "out")
    with torch.no_grad():
        (features,) = model.get_video_features(torch.zeros(1, 3, 3, 42, 42)).pooler_output
    assert len(features) == tokens
    assert AutoProcessor.from_pretrained(tmp_path / "out").num_video_tokens(3) == tokens


def test_llava_videos_grid_is_14_rows_of_15_at_full_size(tmp_path):
    """p * (p + 1) tokens for each frame of 384 pixels, as LLaVA-Video has them."""
    theirs = {**LLAVA_NEXT_CONFIG, "mm_newline_position": "grid", "image_grid_pinpoints": "(1x1),...,(6x6)"}
    config = translate_config(theirs, SiglipVisionConfig(**SIGLIP_SO400M), {})
    config.image_token_id, config.video_token_id = IMAGE_ID, VIDEO_ID
    assert build_processor(config, TOKENIZER).num_video_tokens(1) == 14 * 15 == 210


def test_a_tower_that_was_not_saved_is_taken_from_siglip(llava, tower, tmp_path):
    source = write_llava_next(tmp_path / "source", llava, without="model.vision_tower.", delay_load=True)
    convert_checkpoint(source, tmp_path / "out", vision_tower=tower)
    written, siglip = (load_file(f"{folder}/model.safetensors") for folder in (tmp_path / "out", tower))
    theirs = {name for name in siglip if name.startswith("vision_model.")}
    ours = {name.replace("model.vision_tower.", "vision_model.") for name in written if "vision_tower" in name}
    assert theirs - ours == {name for name in theirs if ".head." in name or "layers.3" in name} != set()
    assert all(
        torch.equal(written[name.replace("vision_model.", "model.vision_tower.")], siglip[name]) for name in ours
    )


def test_a_tower_that_was_not_saved_must_be_given(llava, tmp_path):
    source = write_llava_next(tmp_path / "source", llava, without="model.vision_tower.", delay_load=True)
    with pytest.raises(ConversionError, match=r"delay_load=True\): give it with --vision-tower google/siglip-so400m"):
        convert_checkpoint(source, tmp_path / "out")


def test_tied_embeddings_need_no_head(tower, tmp_path):
    """As in the 0.5B model."""
    source = write_llava_next(tmp_path / "source", llava_onevision(), without="lm_head.", tie_word_embeddings=True)
    assert max(convert_checkpoint(source, tmp_path / "out", vision_tower=tower).differences.values()) < 1e-4
    model = FilaVideoForConditionalGeneration.from_pretrained(tmp_path / "out")
    assert model.lm_head.weight is model.model.language_model.embed_tokens.weight
    untied = write_llava_next(tmp_path / "untied", llava_onevision(), without="lm_head.")
    with pytest.raises(ConversionError, match=r"missing \(1\):\n  lm_head.weight"):
        convert_checkpoint(untied, tmp_path / "out2", vision_tower=tower)


@pytest.mark.parametrize(
    ("theirs", "message"),
    [
        ({"mm_resampler_type": "perceiver"}, "mm_resampler_type='perceiver'"),
        ({"add_faster_video": True}, "add_faster_video=True"),
        ({"mm_projector_type": "mlp3x_gelu"}, "mm_projector_type='mlp3x_gelu'"),
        ({"mm_projector_type": "linear"}, "mm_projector_type='linear'"),
        ({"mm_patch_merge_type": "flat"}, "mm_patch_merge_type='flat'"),
        (
            {"mm_vision_tower": "openai/clip-vit-large-patch14-336"},
            "'openai/clip-vit-large-patch14-336' is not a SigLIP",
        ),
        ({"mm_use_im_start_end": True}, "mm_use_im_start_end=True"),
        ({"mm_spatial_pool_stride": 4}, "mm_spatial_pool_stride=4"),
        ({"mm_spatial_pool_mode": "cubic"}, "spatial_pool_mode='cubic'"),
        ({"mm_newline_position": "column"}, "newline_position='column'"),
        ({"image_aspect_ratio": "pad"}, "image_aspect_ratio='pad'"),
        ({"image_grid_pinpoints": "wide"}, "image_grid_pinpoints='wide'"),
        ({"rope_scaling": {"type": "linear", "factor": 2.0}}, "rope_scaling={'type': 'linear'"),
    ],
)
def test_variants_are_refused_by_name(llava, tower, tmp_path, theirs, message):
    source = write_llava_next(tmp_path / "source", llava, **theirs)
    with pytest.raises(ValueError, match=message):
        convert_checkpoint(source, tmp_path / "out", vision_tower=tower)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("model.faster_token", r"a SlowFast model \(model.faster_token\)"),
        ("model.vision_resampler.query", r"a model with a resampler \(model.vision_resampler.query\)"),
    ],
)
def test_variants_are_refused_by_their_tensors(llava, tower, tmp_path, name, message):
    source = write_llava_next(tmp_path / "source", llava)
    tensors = load_file(source / "model.safetensors")
    save_file({**tensors, name: torch.zeros(48)}, source / "model.safetensors")
    with pytest.raises(ConversionError, match=message):
        convert_checkpoint(source, tmp_path / "out", vision_tower=tower)


def test_it_is_known_by_its_tensors_and_not_by_what_it_is_called(llava, tower, tmp_path):
    for model_type in ("llava", "qwen2"):
        source = write_llava_next(tmp_path / f"siglip-{model_type}", llava, model_type=model_type)
        assert "model.mm_projector.0.weight" in convert_checkpoint(
            source, tmp_path / "out", vision_tower=tower, dry_run=True
        )


@pytest.mark.parametrize(
    ("theirs", "expected"),
    [
        (None, None),
        ([[384, 768], [1152, 384]], [[768, 384], [384, 1152]]),
        ("(1x1),...,(2x3)", [[384, 384], [768, 384], [1152, 384], [384, 768], [768, 768], [1152, 768]]),
    ],
)
def test_their_tilings_are_width_first(theirs, expected):
    assert grid_pinpoints(theirs, 384) == expected


def test_images_are_tiled_as_in_the_source(llava, tower, tmp_path):
    source = write_llava_next(tmp_path / "source", llava)
    convert_checkpoint(source, tmp_path / "out", vision_tower=tower, parity=False)
    assert sorted(AutoConfig.from_pretrained(tmp_path / "out").image_grid_pinpoints) == sorted(PINPOINTS)
    pixels = np.zeros((3, 42, 42, 3), dtype=np.uint8)
    processor = AutoProcessor.from_pretrained(tmp_path / "out")
    assert sorted(processor.image_processor.image_grid_pinpoints) == sorted(PINPOINTS)
    inputs = processor(text="<video>", videos=[pixels], do_sample_frames=False, timestamps="none", return_tensors="pt")
    assert inputs["pixel_values_videos"].unique().tolist() == [-1.0]
