"""A model is recognized by its weights, and no longer after they have changed, in whatever way."""

import pytest
import torch
from peft import LoraConfig, get_peft_model

from modeling_fila.model_identity import digest_of, identify
from tests.models import small_model


def first_weight(model, name):
    return next(weight for key, weight in model.named_parameters() if name in key)


@torch.no_grad()
def step(weight):
    weight.add_(0.01)


def through_data(weight):
    weight.data *= 1.01


def replaced(weight):
    weight.data = weight.data.clone() * 1.01


def reloaded(model):
    model.load_state_dict({name: value * 1.01 for name, value in model.state_dict().items()})


CHANGES = {
    "step": lambda model: step(first_weight(model, "vision_tower.encoder")),
    "data": lambda model: through_data(first_weight(model, "vision_tower.encoder")),
    "replaced": lambda model: replaced(first_weight(model, "scene_merging")),
    "reloaded": reloaded,
    "half": lambda model: model.to(torch.float16),
}


def test_the_identity_stays_and_is_the_same_for_the_same_weights():
    model, twin = small_model(), small_model()
    first = identify(model)
    assert identify(model) == first
    assert identify(twin).vision == first.vision
    assert identify(twin).whole != first.whole
    assert identify(small_model(seed=1)).vision != first.vision


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_changed_weights_are_another_model(change):
    model = small_model()
    before = identify(model)
    change(model)
    after = identify(model)
    assert after.vision != before.vision and after.whole != before.whole


def test_the_language_model_does_not_change_how_videos_are_encoded():
    model = small_model()
    before = identify(model)
    step(first_weight(model, "language_model.layers"))
    assert identify(model).vision == before.vision and identify(model).whole != before.whole


def test_an_optimizer_step_is_noticed():
    model = small_model()
    before = identify(model)
    weight = first_weight(model, "multi_modal_projector")
    weight.grad = torch.ones_like(weight)
    torch.optim.SGD([weight], lr=1e-6).step()
    assert identify(model) != before


def test_adapters_count():
    config = LoraConfig(r=2, target_modules=["q_proj"], init_lora_weights=False)
    model = get_peft_model(small_model(), config)
    before = identify(model)
    with model.disable_adapter():
        assert identify(model).whole != before.whole and identify(model).vision != before.vision
    assert identify(model).vision == before.vision
    model.merge_adapter()  # writes to `weight.data`
    assert identify(model).whole != before.whole


def test_weights_on_the_meta_device_have_no_identity():
    with torch.device("meta"):
        model = torch.nn.Linear(2, 2)
    assert identify(model) is None


def test_digests_know_shapes_dtypes_and_values():
    values = [
        (torch.zeros(2, 3),),
        (torch.zeros(3, 2),),
        (torch.zeros(2, 3, dtype=torch.int32),),
        (torch.ones(2, 3),),
        (torch.zeros(2, 3), "a"),
        ("a", torch.zeros(2, 3)),
        (torch.zeros(2, 3, dtype=torch.bfloat16),),
    ]
    assert len({digest_of(*value) for value in values}) == len(values)
    assert digest_of(torch.zeros(4, 3).T) == digest_of(torch.zeros(3, 4))  # the layout in memory does not count
