"""LoRA on the language model, with the projector and the merging weights trained whole."""

from peft import LoraConfig, get_peft_model
from transformers import PreTrainedModel

from .parts import PARTS
from .stage_config import StageConfig


LANGUAGE_TARGETS = r".*language_model\.layers\.\d+\.(self_attn\.(q|k|v|o)_proj|mlp\.(gate|up|down)_proj)"
WHOLE_PARTS = ("multi_modal_projector", "scene_merging")


def lora_config(whole_parts: tuple[str, ...] = WHOLE_PARTS, **overrides) -> LoraConfig:
    """
    A preset for small fine-tuning: rank 16 on every linear layer of the language model's blocks. The vision tower is
    left as it is.

    Args:
        whole_parts: parts that are trained and saved whole (PEFT's `modules_to_save`).
        overrides: any field of `peft.LoraConfig`.
    """
    preset = {
        "r": 16,
        "lora_alpha": 32,
        "lora_dropout": 0.0,
        "target_modules": LANGUAGE_TARGETS,
        "modules_to_save": list(whole_parts),
        "task_type": "CAUSAL_LM",
    }
    return LoraConfig(**{**preset, **overrides})


def with_lora(model: PreTrainedModel, stage: StageConfig) -> PreTrainedModel:
    """
    Wraps a model for a stage with `lora`: the language model gets adapters, other trained parts are trained whole.

    Raises:
        `ValueError`: if the stage trains the vision tower, which the preset has no adapters for.
    """
    trained = [part for part in PARTS if stage.learning_rates.get(part)]
    if "vision_tower" in trained:
        raise ValueError("lora: the vision tower is not adapted; set learning_rates.vision_tower=null.")
    whole = tuple(part for part in trained if part in WHOLE_PARTS)
    return get_peft_model(model, lora_config(whole, **stage.lora))
