"""LLaVA-OneVision checkpoints of transformers: reading them, and the configuration for the way back."""

import torch
from transformers import LlavaOnevisionConfig, LlavaOnevisionForConditionalGeneration

from configuration_fila import FilaVideoConfig

from .errors import ConversionError
from .key_maps import LLAVA_ONEVISION, LLAVA_ONEVISION_VARIANTS
from .options import ConversionOptions
from .reading import Peer, Reading, untrained_merging
from .source_files import SourceFiles
from .weight_plan import WeightPlan


SHARED_FIELDS = (
    "projector_hidden_act",
    "multimodal_projector_bias",
    "image_grid_pinpoints",
    "vision_aspect_ratio",
    "tie_word_embeddings",
)


def read_llava_onevision(source: SourceFiles, options: ConversionOptions) -> Reading:
    """
    Raises [`ConversionError`] if the configuration says what FiLA-Video does not do.
    """
    options.refuse("a LLaVA-OneVision checkpoint, which has its own", "vision_tower", "language_model")
    theirs = LlavaOnevisionConfig.from_dict(source.config)
    vision = theirs.vision_config
    vision.num_hidden_layers = num_layers_read(vision.num_hidden_layers, theirs.vision_feature_layer)
    vision.vision_use_head = False
    if theirs.vision_feature_select_strategy != "full":
        raise ConversionError(
            f"vision_feature_select_strategy={theirs.vision_feature_select_strategy!r} is not supported: only 'full' "
            "keeps every patch."
        )
    config = FilaVideoConfig(
        vision_config=vision,
        text_config=theirs.text_config,
        **{name: getattr(theirs, name) for name in SHARED_FIELDS},
        **options.scenes(),
    )
    plan = WeightPlan()
    plan.add(source, {**LLAVA_ONEVISION_VARIANTS, **LLAVA_ONEVISION})
    plan.drop_unread_vision(config.vision_config.num_hidden_layers)
    peer = Peer(
        "transformers' LlavaOnevisionForConditionalGeneration",
        ("text", "image", "video"),
        lambda: LlavaOnevisionForConditionalGeneration.from_pretrained(source.folder, dtype=torch.float32),
    )
    return Reading(config, plan, source.folder, [source], peer, untrained_merging(config))


def num_layers_read(num_layers: int, feature_layer: int | list[int]) -> int:
    """Layers up to the one whose states are read: all of 26 at -1, 26 of 27 at -2, 5 at 5 (0 is the embeddings)."""
    if not isinstance(feature_layer, int) or not -num_layers <= feature_layer <= num_layers or feature_layer == 0:
        raise ConversionError(
            f"vision_feature_layer={feature_layer} is not supported: it must be one layer of {num_layers}."
        )
    return feature_layer if feature_layer > 0 else num_layers + 1 + feature_layer


def llava_onevision_config(config: FilaVideoConfig) -> LlavaOnevisionConfig:
    """What a FiLA-Video model shares with LLaVA-OneVision, in transformers' configuration."""
    theirs = LlavaOnevisionConfig(
        vision_config=config.vision_config,
        text_config=config.text_config,
        image_token_index=config.image_token_id,
        video_token_index=config.video_token_id,
        **{name: getattr(config, name) for name in SHARED_FIELDS},
    )
    theirs.dtype = config.dtype
    return theirs


def reads_videos_as_llava_onevision(config: FilaVideoConfig) -> bool:
    """Whether transformers' class would make the same visual tokens of a feature map."""
    pooling = (config.spatial_pool_mode, config.spatial_pool_stride, config.newline_position)
    return pooling == ("bilinear", 2, "one_token")
