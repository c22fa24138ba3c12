"""A stage as arguments of transformers' Trainer: the precision that a device supports."""

import pytest

from fila_video.training import trainer_arguments
from tests.fila_video.training.stages import small_stage


@pytest.fixture
def without_bf16_gpu(monkeypatch):
    monkeypatch.setattr(trainer_arguments, "is_torch_bf16_gpu_available", lambda: False)


def test_bfloat16_without_a_gpu_is_an_error(without_bf16_gpu, tmp_path):
    changes = {"precision": "bf16", "trainer__use_cpu": "false"}
    stage = small_stage("alignment", tmp_path, tmp_path / "out", tmp_path / "a.json", **changes)
    with pytest.raises(ValueError, match="precision=bf16 needs a GPU .* trainer.use_cpu=true .* or precision=fp32"):
        trainer_arguments.training_arguments(stage)


def test_bfloat16_on_the_cpu_has_to_be_asked_for(without_bf16_gpu, tmp_path):
    stage = small_stage("alignment", tmp_path, tmp_path / "out", tmp_path / "a.json", precision="bf16")
    arguments = trainer_arguments.training_arguments(stage)
    assert arguments.bf16 and arguments.device.type == "cpu"
