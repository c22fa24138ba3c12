"""A stage as arguments of transformers' Trainer: the precision that a device supports."""

import pytest

from fila_video.training import trainer_arguments
from fila_video.training.stage_config import load_stage
from tests.fila_video.training.stages import small_stage


@pytest.fixture
def without_bf16_gpu(monkeypatch):
    monkeypatch.setattr(trainer_arguments, "is_torch_bf16_gpu_available", lambda: False)


def stage_without_options(tmp_path, *overrides):
    """The shipped stage with what a user has to give, and no option for the device."""
    needed = [f"model={tmp_path}", f"output={tmp_path / 'out'}", "trainer.report_to=none"]
    return load_stage("alignment", [*needed, *overrides])


@pytest.mark.no_gpu
@pytest.mark.parametrize(("given", "is_bf16"), [((), False), (("precision=bf16",), True), (("precision=fp32",), False)])
def test_a_machine_without_a_gpu_needs_no_option(given, is_bf16, tmp_path):
    arguments = trainer_arguments.training_arguments(stage_without_options(tmp_path, *given))
    assert (arguments.bf16, arguments.device.type) == (is_bf16, "cpu")


@pytest.mark.parametrize(("use_cpu", "precision"), [("false", "bf16"), ("true", "fp32")])
def test_auto_is_bfloat16_on_a_gpu_that_supports_it(use_cpu, precision, monkeypatch, tmp_path):
    monkeypatch.setattr(trainer_arguments, "is_torch_bf16_gpu_available", lambda: True)
    stage = stage_without_options(tmp_path, f"trainer.use_cpu={use_cpu}")
    assert trainer_arguments.precision_of(stage) == precision


def test_bfloat16_on_a_gpu_without_it_is_an_error(without_bf16_gpu, monkeypatch, tmp_path):
    monkeypatch.setattr("torch.accelerator.is_available", lambda: True)
    with pytest.raises(ValueError, match="precision=bf16: this GPU .* precision=fp32, .* trainer.use_cpu=true"):
        trainer_arguments.training_arguments(stage_without_options(tmp_path, "precision=bf16"))
    assert trainer_arguments.precision_of(stage_without_options(tmp_path)) == "fp32"


def test_bfloat16_on_the_cpu_can_be_asked_for(without_bf16_gpu, tmp_path):
    stage = small_stage("alignment", tmp_path, tmp_path / "out", tmp_path / "a.json", precision="bf16")
    arguments = trainer_arguments.training_arguments(stage)
    assert arguments.bf16 and arguments.device.type == "cpu"
