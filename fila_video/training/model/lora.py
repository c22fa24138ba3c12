"""LoRA on the language model; the projector and the merging weights are trained in full."""

from peft import LoraConfig, PeftMixedModel, PeftModel, get_peft_model
from transformers import PreTrainedModel

from ..stage_config import StageConfig
from .trained_parts import PARTS


LANGUAGE_MODEL_LAYERS = r".*language_model\.layers\.\d+\.(self_attn\.(q|k|v|o)_proj|mlp\.(gate|up|down)_proj)"
FULLY_TRAINED_PARTS = ("multi_modal_projector", "scene_merging")


def lora_config(fully_trained_parts: tuple[str, ...] = FULLY_TRAINED_PARTS, **overrides) -> LoraConfig:
    """
    Makes a LoRA configuration for small fine-tuning: rank 16 on every linear layer of the language model's blocks.

    The vision tower stays frozen.

    Args:
        fully_trained_parts: Parts that are trained and saved in full (PEFT's `modules_to_save`).
        overrides: Fields of `peft.LoraConfig` to change.
    """
    preset = {
        "r": 16,
        "lora_alpha": 32,
        "lora_dropout": 0.0,
        "target_modules": LANGUAGE_MODEL_LAYERS,
        "modules_to_save": list(fully_trained_parts),
        "task_type": "CAUSAL_LM",
    }
    return LoraConfig(**{**preset, **overrides})


def with_lora(model: PreTrainedModel, stage: StageConfig) -> PeftModel | PeftMixedModel:
    """
    Wraps the model of a stage that has a `lora` section.

    The language model gets adapters. The other parts that the stage trains are trained in full.

    Raises:
        ValueError: If the stage trains the vision tower, for which there are no adapters, or PEFT refuses `lora`.
    """
    trained = [part for part in PARTS if stage.learning_rates.get(part)]
    if "vision_tower" in trained:
        raise ValueError("lora: the vision tower gets no adapters; set learning_rates.vision_tower=null to freeze it.")
    fully_trained = tuple(part for part in trained if part in FULLY_TRAINED_PARTS)
    try:
        return get_peft_model(model, lora_config(fully_trained, **(stage.lora or {})))
    except (TypeError, ValueError) as error:
        raise ValueError(f"lora={stage.lora}: {str(error).removeprefix('LoraConfig.__init__() ')}") from error
