"""Reads a SigLIP checkpoint and a Qwen2 checkpoint. A new projector, not trained yet, joins them."""

import torch
from transformers import (
    AutoConfig,
    PreTrainedConfig,
    Qwen2ForCausalLM,
    SiglipConfig,
    SiglipVisionConfig,
)

from configuration_fila import FilaVideoConfig

from ..errors import ConversionError
from ..options import ConversionOptions
from ..weights.weight_plan import SCENE_MERGING, WeightPlan
from .find_source import find_source
from .key_maps import QWEN2, SIGLIP, SIGLIP_VARIANTS
from .source_files import SourceFiles
from .source_model import ReferenceModel, SourceModel


UNUSED_OF_SIGLIP = dict.fromkeys(("text_model.", "logit_scale", "logit_bias"), "SigLIP's text tower is not used")
NEW_PARTS = (SCENE_MERGING, "model.multi_modal_projector.", "model.image_newline")
UNTRAINED = "Projector, newline token and scene merging have not been trained. The model needs training to answer."


def read_siglip_and_qwen2(source: SourceFiles, options: ConversionOptions) -> SourceModel:
    """
    Reads both checkpoints: the source, and the one that an option names.

    Raises:
        ConversionError: If the other checkpoint is not given, or if the two are not a SigLIP and a Qwen2 checkpoint.
    """
    tower, language = _both_sources(source, options)
    text = AutoConfig.for_model(**language.config)
    config = FilaVideoConfig(
        vision_config=vision_config_of(tower),
        text_config=text,
        tie_word_embeddings=text.tie_word_embeddings,
        **options.scenes(),
    )
    plan = WeightPlan()
    plan.add(language.weights, QWEN2)
    add_vision_tower(plan, tower)
    plan.drop_unread_vision(config.vision_config.num_hidden_layers)
    reference = ReferenceModel(
        "the language model in transformers' Qwen2ForCausalLM",
        ("text",),
        lambda: Qwen2ForCausalLM.from_pretrained(language.folder, dtype=torch.float32),
    )
    return SourceModel(config, plan, language.folder, [language, tower], reference, UNTRAINED, NEW_PARTS)


def _both_sources(source: SourceFiles, options: ConversionOptions) -> tuple[SourceFiles, SourceFiles]:
    """Returns the SigLIP checkpoint, then the Qwen2 checkpoint."""
    if source.config.get("model_type") == "qwen2":
        if options.vision_tower is None:
            raise ConversionError(f"{source.name} is a language model: give a SigLIP checkpoint with --vision-tower.")
        options.refuse("a language model", "language_model")
        return find_source(options.vision_tower, allow_pickle=options.allow_pickle), source
    if options.language_model is None:
        raise ConversionError(f"{source.name} is a vision tower: give a Qwen2 checkpoint with --language-model.")
    options.refuse("a vision tower", "vision_tower")
    language = find_source(options.language_model, allow_pickle=options.allow_pickle)
    if language.config.get("model_type") != "qwen2":
        raise ConversionError(f"model_type={language.config.get('model_type')!r} of {language.name} is not 'qwen2'.")
    return source, language


def vision_config_of(tower: SourceFiles) -> PreTrainedConfig:
    """
    Returns the configuration of a SigLIP tower without its last layer and its head.

    LLaVA reads the input of the last layer.

    Raises:
        ConversionError: If it is not a SigLIP checkpoint.
    """
    model_type = tower.config.get("model_type")
    if model_type == "siglip":
        vision = SiglipConfig.from_dict(tower.config).vision_config
    elif model_type == "siglip_vision_model":
        vision = SiglipVisionConfig.from_dict(tower.config)
    else:
        raise ConversionError(f"model_type={model_type!r} of {tower.name} is not a SigLIP tower.")
    assert isinstance(vision, SiglipVisionConfig)
    vision.num_hidden_layers -= 1
    vision.vision_use_head = False
    return vision


def add_vision_tower(plan: WeightPlan, tower: SourceFiles) -> None:
    """Adds the vision tower of a SigLIP checkpoint to a plan."""
    plan.add(tower.weights, {**SIGLIP, **SIGLIP_VARIANTS}, unused=UNUSED_OF_SIGLIP)
