"""Every trained parameter gets a gradient from every batch; it is zero if the batch does not use the parameter."""

import pytest
import torch

from fila_video.training.model.trained_parts import PARTS, freeze_all_but
from fila_video.training.model.zero_gradients import add_zero_gradients
from tests.models import prompt, random_videos, small_model


@pytest.fixture
def model():
    model = small_model(seed=1)
    freeze_all_but(model, PARTS)
    add_zero_gradients(model.model)
    return model


def gradients(model, **inputs) -> dict[str, torch.Tensor | None]:
    ids = inputs["input_ids"]
    loss = model(**inputs, labels=ids.where(ids < 200, -100)).loss
    loss.backward()
    return {name: parameter.grad for name, parameter in model.named_parameters() if parameter.requires_grad}


def test_text_alone_involves_all_and_moves_the_language_model_only(model):
    found = gradients(model, input_ids=torch.tensor([[1, 2, 3, 4]]))
    assert all(gradient is not None for gradient in found.values())
    moved = {name.split(".")[1] for name, gradient in found.items() if gradient.abs().sum() > 0}
    assert moved == {"language_model", "weight"}  # the latter is lm_head.weight


def test_the_loss_is_the_same(model):
    pixels, mask = random_videos(6)
    plain = small_model(seed=1)
    ids = torch.tensor([prompt([5, 6], 4 * 4 + 1, [7, 8])])
    inputs = {"input_ids": ids, "pixel_values_videos": pixels, "video_frame_mask": mask}
    labels = ids.where(ids < 200, -100)
    assert torch.equal(model(**inputs, labels=labels).loss, plain(**inputs, labels=labels).loss)
    assert torch.equal(model(input_ids=ids[:, :2]).logits, plain(input_ids=ids[:, :2]).logits)


def test_frozen_parts_stay_without_gradient(model):
    freeze_all_but(model, ["language_model"])
    found = gradients(model, input_ids=torch.tensor([[1, 2, 3, 4]]))
    assert {name.split(".")[1] for name in found} == {"language_model", "weight", "image_newline"}
