"""LLaVA-OneVision of transformers: the converted model answers alike, and the reverse conversion restores it."""

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from transformers import AutoConfig, AutoModelForImageTextToText, AutoProcessor, LlavaOnevisionProcessor

from convert_checkpoint import convert_checkpoint
from fila_video.conversion import ConversionError
from fila_video.conversion.formats.llava_onevision import num_layers_read
from modeling_fila import FilaVideoForConditionalGeneration
from tests.fila_video.conversion.sources import PREFIX_STYLES, SIZE, llava_onevision, renamed, write_llava_onevision


@pytest.fixture(scope="module")
def llava():
    return llava_onevision()


@pytest.fixture(scope="module", params=PREFIX_STYLES)
def source(request, llava, tmp_path_factory):
    return write_llava_onevision(tmp_path_factory.mktemp("source") / "llava", llava, request.param)


@pytest.fixture(scope="module")
def base(source, tmp_path_factory):
    """Converted with `base`, in two or more files."""
    folder = tmp_path_factory.mktemp("converted") / "base"
    parity = convert_checkpoint(source, folder, base=True, max_shard_bytes=400_000)
    assert set(parity.differences) == {"text", "image", "video"} and max(parity.differences.values()) < 1e-4
    return folder


def prompts(folder):
    """A question, one with an image and one with a video, by the processor of a converted folder."""
    processor = AutoProcessor.from_pretrained(folder)
    pixels = np.random.default_rng(0).integers(0, 256, (5, 60, 90, 3), dtype=np.uint8)
    image, video = {"images": [Image.fromarray(pixels[0])]}, {"videos": [pixels], "do_sample_frames": False}
    for text, media in (("", {}), ("<image>\n", image), ("<video>\n", {**video, "timestamps": "none"})):
        inputs = processor(text=[f"{text}What happens?"], **media, return_tensors="pt")
        yield {name: inputs[name] for name in inputs if name not in ("batch_num_images", "video_frame_mask")}


def logits(model, inputs):
    with torch.no_grad():
        return model.eval()(**inputs).logits


def test_the_converted_model_answers_as_the_source(llava, base):
    """Text, image and video, in all three styles of names."""
    ours, report = FilaVideoForConditionalGeneration.from_pretrained(base, output_loading_info=True)
    assert not any(report[name] for name in ("missing_keys", "unexpected_keys", "mismatched_keys"))
    for inputs in prompts(base):
        torch.testing.assert_close(logits(ours, inputs), logits(llava, inputs), rtol=0, atol=1e-4)


@pytest.mark.parametrize("merging", ["weighted", "average", "attention", "bsm"])
def test_where_every_frame_is_a_scene_merging_changes_nothing_at_first(llava, tmp_path, merging):
    source = write_llava_onevision(tmp_path / "source", llava)
    parity = convert_checkpoint(source, tmp_path / "out", scene_merging=merging, num_scenes=3)
    assert set(parity.differences) == {"text", "image", "video"} and max(parity.differences.values()) < 1e-4
    config = AutoConfig.from_pretrained(tmp_path / "out")
    assert (config.scene_merging, config.num_scenes, config.scene_size) == (merging, 3, 3)


def test_base_takes_as_many_frames_as_fila_video_has_scenes(base):
    config = AutoConfig.from_pretrained(base)
    assert (config.num_frames, config.scene_selection, config.scene_merging) == (32, "uniform", "none")
    processor = AutoProcessor.from_pretrained(base)
    assert processor.video_processor.num_frames == 32 and processor.num_scenes is None


def test_converted_and_back_every_tensor_is_the_same_bit_for_bit(llava, base, tmp_path):
    parity = convert_checkpoint(base, tmp_path / "back", to="llava-onevision")
    assert max(parity.differences.values()) < 1e-4 and len(parity.differences) == 3
    back = load_file(tmp_path / "back" / "model.safetensors")
    expected = renamed(llava.state_dict(), PREFIX_STYLES["published"])
    assert back.keys() == expected.keys()
    assert all(torch.equal(back[name], tensor) for name, tensor in expected.items())


def test_converted_and_back_in_half_precision_and_through_merging(llava, tmp_path):
    source = write_llava_onevision(tmp_path / "source", llava_onevision().bfloat16())
    convert_checkpoint(source, tmp_path / "out", parity=False)
    convert_checkpoint(tmp_path / "out", tmp_path / "back", to="llava-onevision", parity=False)
    old, new = (load_file(tmp_path / name / "model.safetensors") for name in ("source", "back"))
    assert old.keys() == new.keys() and all(torch.equal(old[name], new[name]) for name in old)
    assert {tensor.dtype for tensor in new.values()} == {torch.bfloat16}


def test_the_reverse_conversion_loads_in_transformers_own_class_with_its_processor(llava, base, tmp_path):
    convert_checkpoint(base, tmp_path / "back", to="llava-onevision", parity=False)
    model, report = AutoModelForImageTextToText.from_pretrained(tmp_path / "back", output_loading_info=True)
    assert type(model) is type(llava)
    assert not any(report[name] for name in ("missing_keys", "unexpected_keys", "mismatched_keys"))
    processor = AutoProcessor.from_pretrained(tmp_path / "back")
    assert type(processor) is LlavaOnevisionProcessor
    pixels = np.random.default_rng(0).integers(0, 256, (4, SIZE, SIZE, 3), dtype=np.uint8)
    content = [{"type": "video"}, {"type": "image"}, {"type": "text", "text": "What happens?"}]
    text = processor.apply_chat_template([{"role": "user", "content": content}], add_generation_prompt=True)
    inputs = processor(text=text, images=[Image.fromarray(pixels[0])], videos=[list(pixels)], return_tensors="pt")
    theirs, ours = logits(llava, inputs), logits(model, inputs)
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-5)
    # pixels as in our processor: SigLIP's mean and deviation, not CLIP's
    torch.testing.assert_close(inputs["pixel_values_videos"][0, 0], torch.tensor(pixels[0]).movedim(2, 0) / 127.5 - 1)


def test_a_head_that_is_the_embeddings_is_left_out(tmp_path):
    """As in the 0.5B model; older files hold it twice."""
    llava = llava_onevision()
    config = llava.config.to_dict()
    config["text_config"]["tie_word_embeddings"] = True
    llava = type(llava)(type(llava.config).from_dict(config)).eval()
    source = write_llava_onevision(tmp_path / "tied", llava)
    assert "language_model.lm_head.weight" not in load_file(source / "model.safetensors")
    assert max(convert_checkpoint(source, tmp_path / "out").differences.values()) < 1e-4
    assert "lm_head.weight" not in load_file(tmp_path / "out" / "model.safetensors")

    tensors = load_file(source / "model.safetensors")
    head = "language_model.lm_head.weight"
    save_file(
        {**tensors, head: tensors["language_model.model.embed_tokens.weight"].clone()}, source / "model.safetensors"
    )
    assert "repeats the embeddings, to which it is tied" in convert_checkpoint(source, tmp_path / "twice", dry_run=True)
    save_file({**tensors, head: torch.randn(1088, 48)}, source / "model.safetensors")
    assert max(convert_checkpoint(source, tmp_path / "untied").differences.values()) < 1e-4
    assert AutoConfig.from_pretrained(tmp_path / "untied").tie_word_embeddings is False


def test_a_tower_that_is_read_before_its_end_is_cut(tmp_path):
    llava = llava_onevision(vision_feature_layer=-2)
    source = write_llava_onevision(tmp_path / "source", llava)
    key_map = convert_checkpoint(source, tmp_path / "out", dry_run=True)
    assert "encoder.layers.2.mlp.fc1.weight (model.safetensors): the projector reads the output of layer 1" in key_map
    assert max(convert_checkpoint(source, tmp_path / "out").differences.values()) < 1e-4
    assert AutoConfig.from_pretrained(tmp_path / "out").vision_config.num_hidden_layers == 2


@pytest.mark.parametrize(("num_layers", "layer", "expected"), [(26, -1, 26), (27, -2, 26), (27, 5, 5), (3, -3, 1)])
def test_layers_that_are_read(num_layers, layer, expected):
    assert num_layers_read(num_layers, layer) == expected


@pytest.mark.parametrize("layer", [0, -28, 28, [1, 2]])
def test_a_layer_that_does_not_exist_is_refused(layer):
    with pytest.raises(ConversionError, match="vision_feature_layer="):
        num_layers_read(27, layer)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"vision_feature_select_strategy": "default"}, "vision_feature_select_strategy='default'"),
        ({"vision_feature_layer": [-1, -2]}, r"vision_feature_layer=\[-1, -2\]"),
        ({"vision_aspect_ratio": "pad"}, "vision_aspect_ratio='pad'"),
    ],
)
def test_what_fila_video_does_not_do_is_refused(llava, tmp_path, values, message):
    source = write_llava_onevision(tmp_path / "source", llava_onevision(**values))
    with pytest.raises(ValueError, match=message):
        convert_checkpoint(source, tmp_path / "out")
    with pytest.raises(ValueError, match="vision_tower='x' cannot be used with a LLaVA-OneVision checkpoint"):
        convert_checkpoint(source, tmp_path / "out", vision_tower="x")
