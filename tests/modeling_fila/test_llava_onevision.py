"""FiLA-Base with the weights of a LLaVA-OneVision model gives the same results as the class of transformers."""

import numpy as np
import pytest
import torch
from PIL import Image
from transformers import LlavaOnevisionConfig, LlavaOnevisionForConditionalGeneration, LlavaOnevisionImageProcessor

from modeling_fila import FilaVideoForConditionalGeneration
from tests.models import IMAGE_TOKEN_ID, TEXT, VIDEO_TOKEN_ID, VISION, small_config


SIZE = VISION["image_size"]
PINPOINTS = [[rows * SIZE, columns * SIZE] for rows in range(1, 4) for columns in range(1, 4)]
TOKEN_IDS = {"image_token_id": IMAGE_TOKEN_ID, "video_token_id": VIDEO_TOKEN_ID}
BASE = {"scene_selection": "uniform", "scene_merging": "none"}


@pytest.fixture(scope="module", params=["eager", "sdpa"])
def models(request):
    """Our model, and the model of transformers with the same weights."""
    torch.manual_seed(0)
    peer_config = LlavaOnevisionConfig(
        vision_config=dict(VISION), text_config=dict(TEXT), image_grid_pinpoints=PINPOINTS, **TOKEN_IDS
    )
    peer = LlavaOnevisionForConditionalGeneration._from_config(peer_config, attn_implementation=request.param).eval()
    for parameter in peer.parameters():
        parameter.data += 0.1 * torch.randn_like(parameter)
    config = small_config(**BASE, image_grid_pinpoints=PINPOINTS)
    ours = FilaVideoForConditionalGeneration._from_config(config, attn_implementation=request.param).eval()
    ours.load_state_dict(peer.state_dict())
    return ours, peer


def picture(height, width, seed=0):
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


def image_inputs(images):
    """Images of one or more prompts, prepared by the image processor of transformers."""
    processor = LlavaOnevisionImageProcessor(
        size={"height": SIZE, "width": SIZE},
        image_grid_pinpoints=PINPOINTS,
        image_mean=[0.5] * 3,
        image_std=[0.5] * 3,
    )
    return dict(processor(images, return_tensors="pt"))


def video_inputs(*num_frames):
    generator = torch.Generator().manual_seed(0)
    return {"pixel_values_videos": torch.randn(len(num_frames), num_frames[0], 3, SIZE, SIZE, generator=generator)}


def check_same_logits(models, ids, **inputs):
    ours, peer = models
    ids = torch.tensor([ids])
    with torch.no_grad():
        torch.testing.assert_close(
            ours(input_ids=ids, **inputs).logits, peer(input_ids=ids, **inputs).logits, rtol=0, atol=1e-4
        )


def test_text_alone(models):
    check_same_logits(models, [5, 6, 7, 8])


@pytest.mark.parametrize("size", [(42, 42), (50, 200), (300, 90), (126, 126), (31, 57), (126, 84)])
def test_an_image_at_any_resolution(models, size):
    inputs = image_inputs([picture(*size)])
    with torch.no_grad():
        (tokens,) = models[0].get_image_features(**inputs).pooler_output
        (expected,) = models[1].model.get_image_features(**inputs, return_dict=True).pooler_output
    torch.testing.assert_close(tokens, expected, rtol=0, atol=1e-5)
    check_same_logits(models, [5, 6, *[IMAGE_TOKEN_ID] * len(tokens), 7], **inputs)


def test_an_image_with_too_many_patches_is_made_smaller(models):
    """With `anyres_max_1`, 3 x 3 tiles are shrunk to about the patches of one."""
    inputs = image_inputs([picture(126, 126)])
    ours, peer = models
    try:
        ours.config.vision_aspect_ratio = peer.config.vision_aspect_ratio = "anyres_max_1"
        with torch.no_grad():
            (tokens,) = ours.get_image_features(**inputs).pooler_output
            (expected,) = peer.model.get_image_features(
                **inputs, vision_aspect_ratio="anyres_max_1", return_dict=True
            ).pooler_output
    finally:
        ours.config.vision_aspect_ratio = peer.config.vision_aspect_ratio = "anyres_max_9"
    assert len(tokens) == 9 + 3 * (3 + 1)
    torch.testing.assert_close(tokens, expected, rtol=0, atol=1e-5)


def test_several_images_in_a_prompt(models):
    inputs = image_inputs([[picture(60, 60), picture(50, 200, seed=1), picture(42, 42, seed=2)]])
    per_image = [IMAGE_TOKEN_ID] * (9 + 1)
    check_same_logits(models, [5, *per_image, 6, *per_image, *per_image, 7], **inputs)


@pytest.mark.parametrize("num_frames", [1, 2, 7])
def test_a_video(models, num_frames):
    check_same_logits(models, [5, 6, *[VIDEO_TOKEN_ID] * (num_frames * 4 + 1), 7], **video_inputs(num_frames))


def test_several_videos(models):
    per_video = [VIDEO_TOKEN_ID] * (3 * 4 + 1)
    check_same_logits(models, [5, *per_video, 6, *per_video, 7], **video_inputs(3, 3))


def test_images_and_videos_in_one_prompt(models):
    images = image_inputs([[picture(60, 60), picture(50, 200, seed=1)]])
    image, video = [IMAGE_TOKEN_ID] * 10, [VIDEO_TOKEN_ID] * (2 * 4 + 1)
    check_same_logits(models, [5, *image, 6, *video, *image, 7], **images, **video_inputs(2))


def test_generation_answers_the_same(models):
    ours, peer = models
    inputs = image_inputs([picture(50, 200)])
    num_tokens = len(ours.get_image_features(**inputs).pooler_output[0])
    ids = torch.tensor([[5, *[IMAGE_TOKEN_ID] * num_tokens, 6, 7]])
    options = {"max_new_tokens": 8, "do_sample": False, "eos_token_id": None, "pad_token_id": 0}
    options["suppress_tokens"] = [IMAGE_TOKEN_ID, VIDEO_TOKEN_ID]
    assert torch.equal(
        ours.generate(input_ids=ids, **inputs, **options), peer.generate(input_ids=ids, **inputs, **options)
    )
    # With two beams, inputs that have one row per image must not be split.
    options["num_beams"] = 2
    assert torch.equal(
        ours.generate(input_ids=ids, **inputs, **options), peer.generate(input_ids=ids, **inputs, **options)
    )


def test_wrong_images_are_refused(models):
    inputs = image_inputs([picture(50, 200)])
    with pytest.raises(ValueError, match=r"pixel_values has the shape \(1, 3, 42, 42\)"):
        models[0].get_image_features(torch.zeros(1, 3, 42, 42), inputs["image_sizes"])
    with pytest.raises(ValueError, match=r"batch_num_images=\[2\] adds up to 2, not to 1 images"):
        models[0].get_image_features(**{**inputs, "batch_num_images": torch.tensor([2])})
    with pytest.raises(ValueError, match="hold 3 image placeholder tokens, but the images give"):
        models[0](input_ids=torch.tensor([[5, *[IMAGE_TOKEN_ID] * 3]]), **inputs)
    with pytest.raises(ValueError, match="hold 3 image placeholder tokens, but the images give 0"):
        models[0](input_ids=torch.tensor([[5, *[IMAGE_TOKEN_ID] * 3]]))
