"""The trained parts and learning rates of each stage (section 3.4, Table 4), on steps of the real trainer."""

import math

import pytest
import torch
from transformers import TrainerCallback

from fila_video.training.model.trained_parts import part_of
from fila_video.training.run import build_trainer
from tests.fila_video.training.stages import small_stage


pytestmark = pytest.mark.assistant_masks
RATES = {
    "alignment": {"multi_modal_projector": 1e-3},
    "knowledge_injection": {"vision_tower": 2e-6, "multi_modal_projector": 2e-6, "language_model": 1e-5},
    "image_instruction": {"vision_tower": 2e-6, "multi_modal_projector": 2e-6, "language_model": 1e-5},
    "video_instruction": {
        "vision_tower": 2e-6,
        "multi_modal_projector": 2e-6,
        "language_model": 1e-5,
        "scene_merging": 2e-6,
    },
}


class Watch(TrainerCallback):
    """Records at every step which parameters have a gradient, and the learning rate of each part."""

    def __init__(self):
        self.with_gradient: list[set[str]] = []
        self.rates: list[dict[str, float]] = []

    def on_pre_optimizer_step(self, args, state, control, model, optimizer, **kwargs):
        gradients = {name: parameter.grad for name, parameter in model.named_parameters()}
        self.with_gradient.append({name for name, g in gradients.items() if g is not None and g.abs().sum() > 0})
        self.rates.append({group["part"]: group["lr"] for group in optimizer.param_groups})


@pytest.mark.parametrize("gradient_checkpointing", ["true", "false"])
@pytest.mark.parametrize("name", RATES)
def test_a_stage_moves_exactly_its_parts(
    name, gradient_checkpointing, checkpoint, image_records, video_records, tmp_path
):
    records = video_records if name == "video_instruction" else image_records
    stage = small_stage(
        name, checkpoint, tmp_path, records, max_steps=2, save_steps=100, gradient_checkpointing=gradient_checkpointing
    )
    trainer, watch = build_trainer(stage), Watch()
    trainer.add_callback(watch)
    before = {key: value.clone() for key, value in trainer.model.state_dict().items()}
    trainer.train()
    names = [key for key, _ in trainer.model.named_parameters()]
    # A constant added to every key moves no softmax: the gradient is zero up to rounding.
    key_biases = {key for key in names if ".vision_tower." in key and key.endswith("k_proj.bias")}
    expected = {key for key in names if part_of(key) in RATES[name]} - key_biases
    changed = {key for key in names if not torch.equal(before[key], trainer.model.state_dict()[key])}
    assert changed - key_biases == expected
    assert all(found - key_biases == expected for found in watch.with_gradient)
    assert watch.rates[0] == RATES[name]


def test_rates_follow_the_cosine_to_its_end(checkpoint, image_records, tmp_path):
    """Half a period: the peak at the start, half of it in the middle, almost zero in the last step."""
    steps = 6
    stage = small_stage("knowledge_injection", checkpoint, tmp_path, image_records, max_steps=steps, save_steps=100)
    trainer, watch = build_trainer(stage), Watch()
    trainer.add_callback(watch)
    trainer.train()
    for step, rates in enumerate(watch.rates):
        share = 0.5 * (1 + math.cos(math.pi * step / steps))
        assert rates == pytest.approx({part: rate * share for part, rate in RATES["knowledge_injection"].items()})
    logged = [entry for entry in trainer.state.log_history if "loss" in entry]
    assert logged[3]["learning_rate/language_model"] == pytest.approx(1e-5 / 2)
    assert logged[3]["learning_rate/vision_tower"] == pytest.approx(2e-6 / 2)
    assert logged[0]["loss/image"] == pytest.approx(logged[0]["loss"], abs=1e-4)


def test_warm_up_is_a_share_of_all_steps(checkpoint, image_records, tmp_path):
    stage = small_stage(
        "alignment", checkpoint, tmp_path, image_records, max_steps=8, save_steps=100, warmup_ratio=0.25
    )
    trainer, watch = build_trainer(stage), Watch()
    trainer.add_callback(watch)
    trainer.train()
    assert [rates["multi_modal_projector"] for rates in watch.rates[:3]] == pytest.approx([0, 5e-4, 1e-3])
