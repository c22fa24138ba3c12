"""accelerate can read the shipped settings for several GPUs, and they wrap layers that the model has."""

from pathlib import Path

import pytest
import yaml
from accelerate.commands.config import load_config_from_file

import fila_video.training
from tests.models import small_model


FOLDER = Path(fila_video.training.__file__).with_name("accelerate")


@pytest.mark.parametrize("name", ["fsdp2", "zero3"])
def test_accelerate_reads_them(name):
    config = load_config_from_file(str(FOLDER / f"{name}.yaml"))
    assert (config.num_processes, config.mixed_precision) == (8, "bf16")


def test_fsdp2_wraps_the_language_models_layers_and_nothing_else():
    settings = yaml.safe_load((FOLDER / "fsdp2.yaml").read_text())["fsdp_config"]
    assert settings["fsdp_version"] == 2 and settings["fsdp_state_dict_type"] == "FULL_STATE_DICT"
    wrapped = settings["fsdp_transformer_layer_cls_to_wrap"]
    model = small_model()
    names = {name for name, module in model.named_modules() if type(module).__name__ == wrapped}
    assert names == {f"model.language_model.layers.{place}" for place in range(2)}


def test_zero3_saves_whole_weights():
    settings = yaml.safe_load((FOLDER / "zero3.yaml").read_text())["deepspeed_config"]
    assert settings["zero_stage"] == 3 and settings["zero3_save_16bit_model"] is True
