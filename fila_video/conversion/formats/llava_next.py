"""Reads checkpoints of the code that LLaVA-OneVision and LLaVA-Video were trained with (LLaVA-NeXT)."""

import re
from typing import Any

import torch
from transformers import AutoConfig, LlavaOnevisionForConditionalGeneration, PreTrainedConfig, SiglipVisionConfig

from configuration_fila import FilaVideoConfig

from ..errors import ConversionError
from ..options import ConversionOptions
from ..weights.weight_plan import SCENE_MERGING, WeightPlan
from .find_source import find_source
from .key_maps import LLAVA_NEXT
from .llava_onevision import llava_onevision_config, makes_the_same_video_tokens
from .siglip_and_qwen2 import add_vision_tower, vision_config_of
from .source_files import SourceFiles
from .source_model import ReferenceModel, SourceModel, untrained_merging


# The LLaVA-NeXT code gives every SigLIP tower these sizes, without the last layer, whatever its configuration says.
SIGLIP_SO400M: dict[str, Any] = {
    "hidden_size": 1152,
    "intermediate_size": 4304,
    "num_hidden_layers": 26,
    "num_attention_heads": 16,
    "image_size": 384,
    "patch_size": 14,
    "vision_use_head": False,
}

# The only values of these fields that FiLA-Video has a counterpart for. A missing field counts as None.
SUPPORTED = {
    "mm_projector_type": ("mlp2x_gelu",),
    "mm_resampler_type": (None,),
    "add_faster_video": (None, False),
    "mm_patch_merge_type": ("spatial_unpad",),
    "mm_use_im_start_end": (None, False),
    "rope_scaling": (None,),
    # The LLaVA-NeXT code pools by 2, whatever this field says.
    "mm_spatial_pool_stride": (None, 2),
}
UNSUPPORTED_TENSORS = {
    "model.faster_token": "a SlowFast model",
    "model.vision_resampler.": "a model with a resampler",
}
# Published models have 36.
MAX_GRIDS = 10_000
TOWER = "model.vision_tower."


def read_llava_next(source: SourceFiles, options: ConversionOptions) -> SourceModel:
    """
    Reads a checkpoint, and a SigLIP checkpoint if an option names one.

    Raises:
        ConversionError: If FiLA-Video has no counterpart for this variant, or if there is no vision tower.
    """
    options.refuse("a LLaVA-NeXT checkpoint, which has its own", "language_model")
    check_supported(source)
    has_tower = any(name.startswith(TOWER) for name in source.weights)
    if not has_tower and options.vision_tower is None:
        raise ConversionError(
            f"{source.name} has no weights of a vision tower (delay_load={source.config.get('delay_load')}): "
            f"give it with --vision-tower {source.config.get('mm_vision_tower')}."
        )
    vision: PreTrainedConfig = SiglipVisionConfig(**SIGLIP_SO400M)
    plan, sources = WeightPlan(), [source]
    plan.add(source.weights, LLAVA_NEXT)
    if options.vision_tower is not None:
        tower = find_source(options.vision_tower, allow_pickle=options.allow_pickle)
        vision = vision_config_of(tower)
        if not has_tower:
            add_vision_tower(plan, tower)
            sources.append(tower)
    config = translate_config(source.config, vision, options.scenes())
    plan.drop_unread_vision(config.vision_config.num_hidden_layers)
    return SourceModel(config, plan, source.folder, sources, _reference(config, plan), untrained_merging(config))


def check_supported(source: SourceFiles) -> None:
    """
    Checks that FiLA-Video has a counterpart for everything in a checkpoint.

    Raises:
        ConversionError: If it does not. The message names the field or the tensor.
    """
    for field, values in SUPPORTED.items():
        value = source.config.get(field)
        if value not in values:
            allowed = " or ".join(repr(each) for each in values)
            raise ConversionError(f"{field}={value!r} in {source.name} is not supported: it must be {allowed}.")
    aspect_ratio = source.config.get("image_aspect_ratio")
    if not re.fullmatch(r"anyres_max_\d+", str(aspect_ratio)):
        raise ConversionError(
            f"image_aspect_ratio={aspect_ratio!r} in {source.name} is not supported: it must be 'anyres_max_' and a "
            "number."
        )
    for prefix, variant in UNSUPPORTED_TENSORS.items():
        found = next((name for name in source.weights if name.startswith(prefix)), None)
        if found:
            raise ConversionError(f"{source.name} is {variant} ({found}), which is not supported.")
    if "siglip" not in str(source.config.get("mm_vision_tower")).lower():
        raise ConversionError(f"mm_vision_tower={source.config.get('mm_vision_tower')!r} is not a SigLIP tower.")


def translate_config(theirs: dict[str, Any], vision: PreTrainedConfig, scenes: dict[str, Any]) -> FilaVideoConfig:
    """
    Translates a configuration of the LLaVA-NeXT code.

    Args:
        theirs: Content of their `config.json`.
        vision: Configuration of the vision tower, with only the layers that are read.
        scenes: Fields of `FilaVideoConfig` that select and merge scenes.
    """
    text_fields = (AutoConfig.for_model("qwen2").to_dict().keys() | {"rope_theta"}) - {"model_type", "architectures"}
    text = {name: value for name, value in theirs.items() if name in text_fields}
    return FilaVideoConfig(
        vision_config=vision,
        text_config=AutoConfig.for_model("qwen2", **text),
        tie_word_embeddings=theirs.get("tie_word_embeddings", False),
        vision_aspect_ratio=theirs["image_aspect_ratio"],
        image_grid_pinpoints=grid_pinpoints(theirs.get("image_grid_pinpoints"), vision.image_size),
        newline_position=theirs.get("mm_newline_position") or "one_token",
        spatial_pool_mode=theirs.get("mm_spatial_pool_mode") or "bilinear",
        **scenes,
    )


def grid_pinpoints(theirs: list[list[int]] | str | None, tile_size: int) -> list[list[int]] | None:
    """
    Translates the sizes to which images may be resized before they are cut into tiles.

    Args:
        theirs: Pairs of width and height in pixels, or a range of numbers of tiles such as `"(1x1),...,(6x6)"`.
        tile_size: Side of a tile in pixels.

    Returns:
        Pairs of height and width in pixels; None if nothing is given.

    Raises:
        ConversionError: If it is neither a list nor a range.
    """
    if theirs is None:
        return None
    if isinstance(theirs, str):
        tiles = [(int(width), int(height)) for width, height in re.findall(r"\((\d+)x(\d+)\)", theirs)]
        if not tiles:
            raise ConversionError(f"image_grid_pinpoints={theirs!r} is neither a list nor a range of tiles.")
        (first_width, first_height), (last_width, last_height) = tiles[0], tiles[-1]
        if last_width * last_height > MAX_GRIDS:
            raise ConversionError(f"image_grid_pinpoints={theirs[:80]!r} has more than {MAX_GRIDS} grids of tiles.")
        theirs = [
            [columns * tile_size, rows * tile_size]
            for columns in range(first_width, last_width + 1)
            for rows in range(first_height, last_height + 1)
        ]
    return [[height, width] for width, height in theirs]


def _reference(config: FilaVideoConfig, plan: WeightPlan) -> ReferenceModel:
    """Puts the same tensors into transformers' class, which makes visual tokens of videos in only one way."""

    def load() -> LlavaOnevisionForConditionalGeneration:
        weights = {name: weight.read() for name, weight in plan.weights.items() if not name.startswith(SCENE_MERGING)}
        return LlavaOnevisionForConditionalGeneration.from_pretrained(
            None, config=llava_onevision_config(config), state_dict=weights, dtype=torch.float32
        )

    kinds = ("text", "image", "video") if makes_the_same_video_tokens(config) else ("text", "image")
    return ReferenceModel("the same tensors in transformers' LlavaOnevisionForConditionalGeneration", kinds, load)
