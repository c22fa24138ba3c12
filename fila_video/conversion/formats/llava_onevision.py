"""Reads LLaVA-OneVision checkpoints of transformers, and translates the configuration in both directions."""

import torch
from transformers import LlavaOnevisionConfig, LlavaOnevisionForConditionalGeneration, PreTrainedConfig

from configuration_fila import FilaVideoConfig

from ..errors import ConversionError
from ..options import ConversionOptions
from ..weights.weight_plan import WeightPlan
from .key_maps import LLAVA_ONEVISION, LLAVA_ONEVISION_VARIANTS
from .source_files import SourceFiles
from .source_model import ReferenceModel, SourceModel, untrained_merging


SHARED_FIELDS = (
    "projector_hidden_act",
    "multimodal_projector_bias",
    "image_grid_pinpoints",
    "vision_aspect_ratio",
    "tie_word_embeddings",
)


def read_llava_onevision(source: SourceFiles, options: ConversionOptions) -> SourceModel:
    """
    Reads a checkpoint. The new model has the layers of the vision tower up to the one that the source reads.

    Raises:
        ConversionError: If FiLA-Video has no counterpart for a field of the configuration.
    """
    options.refuse("a LLaVA-OneVision checkpoint, which has its own", "vision_tower", "language_model")
    config = fila_video_config(LlavaOnevisionConfig.from_dict(source.config), options)
    plan = WeightPlan()
    plan.add(source.weights, {**LLAVA_ONEVISION_VARIANTS, **LLAVA_ONEVISION})
    plan.drop_unread_vision(config.vision_config.num_hidden_layers)
    reference = ReferenceModel(
        "transformers' LlavaOnevisionForConditionalGeneration",
        ("text", "image", "video"),
        lambda: LlavaOnevisionForConditionalGeneration.from_pretrained(source.folder, dtype=torch.float32),
    )
    return SourceModel(config, plan, source.folder, [source], reference, untrained_merging(config))


def fila_video_config(theirs: LlavaOnevisionConfig, options: ConversionOptions) -> FilaVideoConfig:
    """
    Translates a configuration of LLaVA-OneVision.

    Raises:
        ConversionError: If FiLA-Video has no counterpart for a field.
    """
    vision = theirs.vision_config
    assert isinstance(vision, PreTrainedConfig)
    vision.num_hidden_layers = num_layers_read(vision.num_hidden_layers, theirs.vision_feature_layer)
    vision.vision_use_head = False
    if theirs.vision_feature_select_strategy != "full":
        raise ConversionError(
            f"vision_feature_select_strategy={theirs.vision_feature_select_strategy!r} is not supported: only 'full' "
            "keeps every patch."
        )
    return FilaVideoConfig(
        vision_config=vision,
        text_config=theirs.text_config,
        **{name: getattr(theirs, name) for name in SHARED_FIELDS},
        **options.scenes(),
    )


def num_layers_read(num_layers: int, feature_layer: int | list[int]) -> int:
    """
    Counts the layers up to the one whose output the projector reads: 26 of 26 for -1, 26 of 27 for -2, 5 for 5.

    Args:
        num_layers: Number of layers of the vision tower.
        feature_layer: Index of the hidden states that the projector reads; 0 means the embeddings.

    Raises:
        ConversionError: If it is not one layer of the tower.
    """
    if not isinstance(feature_layer, int) or not -num_layers <= feature_layer <= num_layers or feature_layer == 0:
        raise ConversionError(
            f"vision_feature_layer={feature_layer} is not supported: it must be one of the {num_layers} layers."
        )
    return feature_layer if feature_layer > 0 else num_layers + 1 + feature_layer


def llava_onevision_config(config: FilaVideoConfig) -> LlavaOnevisionConfig:
    """Translates the parts of a FiLA-Video configuration that LLaVA-OneVision has too."""
    theirs = LlavaOnevisionConfig(
        vision_config=config.vision_config,
        text_config=config.text_config,
        image_token_index=config.image_token_id,
        video_token_index=config.video_token_id,
        **{name: getattr(config, name) for name in SHARED_FIELDS},
    )
    theirs.dtype = config.dtype
    return theirs


def makes_the_same_video_tokens(config: FilaVideoConfig) -> bool:
    """Tells whether transformers' class would make the same visual tokens from the feature map of a frame."""
    pooling = (config.spatial_pool_mode, config.spatial_pool_stride, config.newline_position)
    return pooling == ("bilinear", 2, "one_token")
