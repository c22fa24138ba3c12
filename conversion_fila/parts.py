"""Reading parts: a SigLIP checkpoint and a Qwen2 checkpoint, to be joined by a new projector."""

import torch
from transformers import (
    AutoConfig,
    PreTrainedConfig,
    Qwen2ForCausalLM,
    SiglipConfig,
    SiglipVisionConfig,
)

from configuration_fila import FilaVideoConfig

from .errors import ConversionError
from .hub import find_source
from .key_maps import QWEN2, SIGLIP, SIGLIP_VARIANTS
from .options import ConversionOptions
from .reading import Peer, Reading
from .source_files import SourceFiles
from .weight_plan import SCENE_MERGING, WeightPlan


UNUSED_OF_SIGLIP = dict.fromkeys(("text_model.", "logit_scale", "logit_bias"), "SigLIP's text tower is not used")
NEW_PARTS = (SCENE_MERGING, "model.multi_modal_projector.", "model.image_newline")
UNTRAINED = "Projector, newline and merging have not been trained: it cannot answer before that."


def read_parts(source: SourceFiles, options: ConversionOptions) -> Reading:
    """
    Raises [`ConversionError`] if the other part is not given, or the two are not a SigLIP and a Qwen2 checkpoint.
    """
    tower, language = _both_parts(source, options)
    text = AutoConfig.for_model(**language.config)
    config = FilaVideoConfig(
        vision_config=vision_config_of(tower),
        text_config=text,
        tie_word_embeddings=text.tie_word_embeddings,
        **options.scenes(),
    )
    plan = WeightPlan()
    plan.add(language, QWEN2)
    add_vision_tower(plan, tower)
    plan.drop_unread_vision(config.vision_config.num_hidden_layers)
    peer = Peer(
        "the language model in transformers' Qwen2ForCausalLM",
        ("text",),
        lambda: Qwen2ForCausalLM.from_pretrained(language.folder, dtype=torch.float32),
    )
    return Reading(config, plan, language.folder, [language, tower], peer, UNTRAINED, NEW_PARTS)


def _both_parts(source: SourceFiles, options: ConversionOptions) -> tuple[SourceFiles, SourceFiles]:
    """The SigLIP checkpoint, then the Qwen2 one."""
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
    The configuration of a SigLIP tower without its last layer and head: LLaVA reads what goes into the last layer.

    Raises:
        [`ConversionError`]: if it is no SigLIP checkpoint.
    """
    model_type = tower.config.get("model_type")
    if model_type == "siglip":
        vision = SiglipConfig.from_dict(tower.config).vision_config
    elif model_type == "siglip_vision_model":
        vision = SiglipVisionConfig.from_dict(tower.config)
    else:
        raise ConversionError(f"model_type={model_type!r} of {tower.name} is no SigLIP tower.")
    vision.num_hidden_layers -= 1
    vision.vision_use_head = False
    return vision


def add_vision_tower(plan: WeightPlan, tower: SourceFiles) -> None:
    """Takes the vision tower of a SigLIP checkpoint."""
    plan.add(tower, {**SIGLIP, **SIGLIP_VARIANTS}, unused=UNUSED_OF_SIGLIP)
