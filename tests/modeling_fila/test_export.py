"""`torch.export` of the whole model: a program gives the logits of the model, for other prompts about other videos."""

import io
import logging

import numpy as np
import pytest
import torch
from torch.export import Dim
from transformers import AutoModelForImageTextToText, AutoProcessor

from modeling_fila.exporting import check_in_program, draw_as_constant, is_exporting


NUM_FRAMES = 40  # of which the model selects 32 scenes of 3
FIRST, OTHER = (0, "Is it 1?", 2.0), (1, "Is it 2?", 2.5)  # seed, question and frames per second


@pytest.fixture(scope="module", autouse=True)
def without_traces():
    """pytest would collect a line of debugging for every recorded operation, which takes most of the time."""
    logging.disable(logging.DEBUG)
    yield
    logging.disable(logging.NOTSET)


@pytest.fixture(scope="module")
def processor(folder):
    return AutoProcessor.from_pretrained(folder)


@pytest.fixture(scope="module")
def load(folder):
    return lambda **options: AutoModelForImageTextToText.from_pretrained(folder, **options).eval()


def prepare(processor, *prompts, timestamps, num_frames=NUM_FRAMES):
    """What the processor makes of questions about noisy videos, in one batch."""
    videos = [np.random.default_rng(seed).integers(0, 256, (num_frames, 56, 56, 3), np.uint8) for seed, _, _ in prompts]
    inputs = processor(
        text=[f"<video>{question}" for _, question, _ in prompts],
        videos=videos,
        video_metadata=[{"fps": fps, "total_num_frames": num_frames} for _, _, fps in prompts],
        do_sample_frames=False,
        timestamps=timestamps,
        padding=True,
        return_tensors="pt",
    )
    return {**inputs, "use_cache": False}


def export(model, inputs, **options):
    return torch.export.export(model, args=(), kwargs=inputs, strict=False, **options)


def export_for_any_text(model, inputs):
    """One program for texts of any length. Everything else has the size that it has in `inputs`."""
    shapes = {name: {1: Dim.AUTO} if name in ("input_ids", "attention_mask") else None for name in inputs}
    return export(model, inputs, dynamic_shapes=shapes)


def saved_and_loaded(program):
    file = io.BytesIO()
    torch.export.save(program, file)
    file.seek(0)
    return torch.export.load(file)


@torch.no_grad()
def check_same(program, model, inputs):
    found, expected = program(**inputs), model(**inputs)
    torch.testing.assert_close(found.logits, expected.logits, rtol=0, atol=1e-5)
    if "pixel_values_videos" in inputs:
        assert torch.equal(found.scene_frame_indices, expected.scene_frame_indices)
    return expected.logits


@pytest.mark.parametrize(
    ("options", "timestamps", "num_prompts"),
    [
        ({"scene_selection": "kmeans", "kmeans_max_iterations": 3}, "interleaved", 2),
        ({"scene_selection": "kmeans", "kmeans_max_iterations": 2, "kmeans_init": "kmeans++"}, "selected", 1),
        ({"scene_selection": "bsm"}, "none", 1),
        ({"scene_selection": "bsm", "selection_layer": 1}, "none", 1),
    ],
    ids=lambda value: "-".join(map(str, value.values())) if isinstance(value, dict) else str(value),
)
def test_a_program_answers_about_another_video(load, processor, options, timestamps, num_prompts):
    model = load(**options)
    example, other = (
        prepare(processor, *prompts[:num_prompts], timestamps=timestamps) for prompts in ([FIRST] * 2, [OTHER, FIRST])
    )
    program = export(model, example).module()
    first, second = (check_same(program, model, inputs) for inputs in (example, other))
    assert not torch.allclose(first[0], second[0], atol=1e-3)


@pytest.fixture(scope="module")
def uniform(load):
    return load(scene_selection="uniform")


@pytest.fixture(scope="module")
def program(uniform, processor):
    with torch.no_grad():  # without it, PyTorch 2.14 cannot load what it saves
        program = export_for_any_text(uniform, prepare(processor, FIRST, timestamps="selected"))
    return saved_and_loaded(program).module()


@pytest.mark.parametrize("timestamps", ["selected", "interleaved"])
def test_one_program_takes_texts_of_any_length_and_both_places_of_times(uniform, program, processor, timestamps):
    for question in ("Why?", "What happens after the red circle is gone?"):
        check_same(program, uniform, prepare(processor, (2, question, 2.5), timestamps=timestamps))


def padded(inputs):
    mask = inputs["video_frame_mask"].clone()
    mask[:, -1] = 0
    return {**inputs, "video_frame_mask": mask}


def without_a_placeholder(inputs):
    ids = inputs["input_ids"].clone()
    ids[0, (ids[0] == ids[0].mode().values).nonzero()[0]] = 5
    return {**inputs, "input_ids": ids}


def with_shorter_times(inputs):
    ids = inputs["frame_time_ids"].clone()
    ids[..., -1] = -1
    return {**inputs, "frame_time_ids": ids}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (padded, "exactly 40 frames, without padding"),
        (without_a_placeholder, r"do not hold exactly \d+ video placeholder tokens"),
        (with_shorter_times, "same number of scenes and of tokens of a time"),
    ],
)
def test_a_program_refuses_what_does_not_fit_it(program, processor, change, message):
    inputs = prepare(processor, OTHER, timestamps="selected")
    with pytest.raises(RuntimeError, match=message):
        program(**change(inputs))


def test_features_can_be_given_to_a_program(uniform, processor):
    """So a program for questions alone needs no vision tower, and its videos may be encoded by any means."""

    def with_features(inputs):
        pixels, mask = inputs.pop("pixel_values_videos"), inputs.pop("video_frame_mask")
        with torch.no_grad():
            return {**inputs, "mm_encoder_outputs": {"video": uniform.get_video_features(pixels, mask)}}

    example, other = (with_features(prepare(processor, prompt, timestamps="interleaved")) for prompt in (FIRST, OTHER))
    check_same(export(uniform, example).module(), uniform, other)


class Shuffled(torch.nn.Module):
    def forward(self, values):
        if is_exporting():
            check_in_program(values.sum() > 0, "too small")
        return values[draw_as_constant(lambda: torch.randperm(9, generator=torch.Generator().manual_seed(3)))]


def test_random_numbers_become_constants():
    expected = torch.randperm(9, generator=torch.Generator().manual_seed(3))
    program = torch.export.export(Shuffled(), (torch.ones(9),), strict=False).module()
    assert torch.equal(program(torch.arange(9.0)), expected.float())
    with pytest.raises(RuntimeError, match="too small"):
        program(-torch.ones(9))
    assert not is_exporting()
    assert torch.equal(Shuffled()(-torch.arange(9.0)), -expected.float())
