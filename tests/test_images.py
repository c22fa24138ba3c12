"""Images and videos in one prompt, with processor and model together."""

import numpy as np
import pytest
import torch
from PIL import Image
from transformers import AutoModelForImageTextToText, AutoProcessor, pipeline

from fila_video.conversion import write_scratch_checkpoint
from tests.clips import draw_clip


@pytest.fixture(scope="module")
def loaded(tmp_path_factory):
    folder = tmp_path_factory.mktemp("images")
    write_scratch_checkpoint("tiny", folder / "tiny")
    draw_clip(folder / "clip.mp4", seconds=2, fps=10)
    model = AutoModelForImageTextToText.from_pretrained(folder / "tiny").eval()
    return model, AutoProcessor.from_pretrained(folder / "tiny"), folder


def picture(height, width, seed=0):
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8))


def user(*parts):
    return [{"role": "user", "content": [*parts, {"type": "text", "text": "What is this?"}]}]


def image(value):
    return {"type": "image", "image": value}


def prepare(processor, conversations, **options):
    return processor.apply_chat_template(
        conversations,
        tokenize=True,
        add_generation_prompt=True,
        return_dict=True,
        return_tensors="pt",
        processor_kwargs={"padding": True, **options},
    )


@pytest.mark.parametrize("size", [(56, 56), (100, 300), (300, 80)])
def test_an_image_has_as_many_placeholders_as_visual_tokens(loaded, size):
    model, processor, _ = loaded
    inputs = prepare(processor, user(image(picture(*size))))
    (tokens,) = model.get_image_features(
        inputs["pixel_values"], inputs["image_sizes"], inputs["batch_num_images"]
    ).pooler_output
    assert (inputs["input_ids"] == processor.image_token_id).sum() == len(tokens) == processor.num_image_tokens(size)


@torch.no_grad()
def test_a_batch_of_images_videos_and_text_answers_as_each_alone(loaded):
    model, processor, folder = loaded
    clip = {"type": "video", "path": str(folder / "clip.mp4")}
    conversations = [
        user(image(picture(100, 300))),
        user(image(picture(60, 60)), clip, image(picture(90, 40, seed=1))),
        user(),
        user(clip),
    ]
    batch = prepare(processor, conversations)
    for options in ({}, {"num_beams": 2}):
        together = model.generate(**batch, max_new_tokens=6, **options)[:, batch["input_ids"].shape[1] :]
        for row, conversation in enumerate(conversations):
            alone = prepare(processor, conversation)
            answer = model.generate(**alone, max_new_tokens=6, **options)[0, alone["input_ids"].shape[1] :]
            assert torch.equal(together[row], answer)


def test_the_pipeline_takes_images_in_a_chat(loaded):
    model, processor, folder = loaded
    picture(80, 120).save(folder / "picture.png")
    pipe = pipeline("video-text-to-text", model=model, processor=processor)
    clip = {"type": "video", "path": str(folder / "clip.mp4")}
    (answer,) = pipe(
        user({"type": "image", "path": str(folder / "picture.png")}, clip), return_scenes=True, max_new_tokens=4
    )
    assert isinstance(answer["generated_text"], str) and len(answer["scenes"]) == 20


def test_images_and_placeholders_must_fit(loaded):
    _, processor, _ = loaded
    with pytest.raises(ValueError, match="The text holds 0 <image> but 1 images are given"):
        processor(text="What?", images=[picture(50, 50)])
    with pytest.raises(ValueError, match="The text holds 2 <image> but 1 images are given"):
        processor(text="<image><image>", images=[picture(50, 50)])


def test_truncation_through_an_image_says_how_long_the_prompt_is(loaded):
    _, processor, _ = loaded
    needed = len(prepare(processor, user(image(picture(56, 56))))["input_ids"][0])
    with pytest.raises(ValueError, match=f"max_length=20 .* needs {needed}"):
        prepare(processor, user(image(picture(56, 56))), truncation=True, max_length=20)


def test_images_are_normalized_as_siglip_expects(loaded):
    _, processor, _ = loaded
    white = Image.fromarray(np.full((56, 56, 3), 255, dtype=np.uint8))
    pixels = processor(text="<image>", images=white, return_tensors="pt")["pixel_values"]
    torch.testing.assert_close(pixels[0, 0], torch.ones(3, 56, 56))


def test_an_empty_list_of_images_is_none(loaded, tmp_path):
    processor = loaded[1]
    clip = draw_clip(tmp_path / "clip.mp4", seconds=2)
    without = processor(text="<video>What?", videos=[clip], return_tensors="pt")
    empty = processor(text="<video>What?", images=[], videos=[clip], return_tensors="pt")
    assert empty.keys() == without.keys()
    assert all(torch.equal(empty[name], without[name]) for name in without)
