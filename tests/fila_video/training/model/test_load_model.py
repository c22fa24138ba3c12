"""The model that a stage starts from: the checkpoint's weights with the stage's options."""

from shutil import copytree

import pytest
import torch
from safetensors.torch import load_file, save_file

from fila_video.training.model.load_model import load_model
from tests.fila_video.training.stages import small_stage


@pytest.mark.parametrize("scene_size", [1, 2, 5])
def test_another_scene_size_starts_from_the_mean(checkpoint, tmp_path, scene_size):
    """Stages 1 to 3 do not train merging: stage 4 may change the size of scenes."""
    stage = small_stage("video_instruction", checkpoint, tmp_path / "out", tmp_path / "records.json")
    stage.model_options["scene_size"] = scene_size
    weights = load_model(stage).state_dict()
    merging = weights.pop("model.scene_merging.weight")
    assert len(merging) == scene_size and torch.equal(merging, torch.full_like(merging, 1 / scene_size))
    saved = load_file(checkpoint / "model.safetensors")
    assert all(torch.equal(weights[name], saved[name].float()) for name in saved if name in weights)
    assert len(saved.keys() & weights.keys()) == len(saved) - 1


def test_the_checkpoints_own_scene_size_keeps_its_weights(checkpoint, tmp_path):
    trained = copytree(checkpoint, tmp_path / "trained")
    weights = load_file(trained / "model.safetensors")
    saved = weights["model.scene_merging.weight"].normal_()
    save_file(weights, trained / "model.safetensors", metadata={"format": "pt"})
    stage = small_stage("video_instruction", trained, tmp_path / "out", tmp_path / "records.json")
    stage.model_options["scene_size"] = 3
    assert torch.equal(load_model(stage).state_dict()["model.scene_merging.weight"], saved.float())
