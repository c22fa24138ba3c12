"""Reading a checkpoint of the code that LLaVA-OneVision and LLaVA-Video were trained with (LLaVA-NeXT)."""

import re
from typing import Any

import torch
from transformers import AutoConfig, LlavaOnevisionForConditionalGeneration, SiglipVisionConfig

from configuration_fila import FilaVideoConfig

from .errors import ConversionError
from .hub import find_source
from .key_maps import LLAVA_NEXT
from .llava_onevision import llava_onevision_config, reads_videos_as_llava_onevision
from .options import ConversionOptions
from .parts import add_vision_tower, vision_config_of
from .reading import Peer, Reading, untrained_merging
from .source_files import SourceFiles
from .weight_plan import SCENE_MERGING, WeightPlan
from .weights import read_whole


# That code makes every SigLIP tower of these sizes and takes its last layer off, whatever its configuration says.
SIGLIP_SO400M = {
    "hidden_size": 1152,
    "intermediate_size": 4304,
    "num_hidden_layers": 26,
    "num_attention_heads": 16,
    "image_size": 384,
    "patch_size": 14,
    "vision_use_head": False,
}

# Fields with the only values that FiLA-Video has a counterpart of; None is also what a missing field means.
SUPPORTED = {
    "mm_projector_type": ("mlp2x_gelu",),
    "mm_resampler_type": (None,),
    "add_faster_video": (None, False),
    "mm_patch_merge_type": ("spatial_unpad",),
    "mm_use_im_start_end": (None, False),
    "rope_scaling": (None,),
    # The code pools by 2 whatever this says.
    "mm_spatial_pool_stride": (None, 2),
}
UNSUPPORTED_TENSORS = {
    "model.faster_token": "a SlowFast model",
    "model.vision_resampler.": "a model with a resampler",
}
TOWER = "model.vision_tower."


def read_llava_next(source: SourceFiles, options: ConversionOptions) -> Reading:
    """
    Raises [`ConversionError`] if the source is a variant that FiLA-Video has no counterpart of, or has no vision tower
    and none is given.
    """
    options.refuse("a LLaVA-NeXT checkpoint, which has its own", "language_model")
    check_supported(source)
    tower = find_source(options.vision_tower, allow_pickle=options.allow_pickle) if options.vision_tower else None
    has_tower = any(name.startswith(TOWER) for name in source.weights)
    if not has_tower and tower is None:
        raise ConversionError(
            f"{source.name} has no weights of a vision tower (delay_load={source.config.get('delay_load')}): "
            f"give it with --vision-tower {source.config.get('mm_vision_tower')}."
        )
    vision = SiglipVisionConfig(**SIGLIP_SO400M) if tower is None else vision_config_of(tower)
    config = translate_config(source.config, vision, options.scenes())
    plan = WeightPlan()
    plan.add(source, LLAVA_NEXT)
    sources = [source]
    if not has_tower:
        add_vision_tower(plan, tower)
        sources.append(tower)
    plan.drop_unread_vision(config.vision_config.num_hidden_layers)
    return Reading(config, plan, source.folder, sources, _peer(config, plan), untrained_merging(config))


def check_supported(source: SourceFiles) -> None:
    """Raises [`ConversionError`] that names what has no counterpart."""
    for field, values in SUPPORTED.items():
        value = source.config.get(field)
        if value not in values:
            allowed = " or ".join(repr(each) for each in values)
            raise ConversionError(f"{field}={value!r} in {source.name} has no counterpart here: it must be {allowed}.")
    aspect_ratio = source.config.get("image_aspect_ratio")
    if not re.fullmatch(r"anyres_max_\d+", str(aspect_ratio)):
        raise ConversionError(
            f"image_aspect_ratio={aspect_ratio!r} in {source.name} has no counterpart here: it must be 'anyres_max_' "
            "and a number."
        )
    for prefix, what in UNSUPPORTED_TENSORS.items():
        found = next((name for name in source.weights if name.startswith(prefix)), None)
        if found:
            raise ConversionError(f"{source.name} is {what} ({found}), which has no counterpart here.")
    if "siglip" not in str(source.config.get("mm_vision_tower")).lower():
        raise ConversionError(f"mm_vision_tower={source.config.get('mm_vision_tower')!r} is no SigLIP tower.")


def translate_config(theirs: dict[str, Any], vision: SiglipVisionConfig, scenes: dict[str, Any]) -> FilaVideoConfig:
    """
    Args:
        theirs: their `config.json`.
        vision: of the vision tower, as far as it is read.
        scenes: fields of [`FilaVideoConfig`] that choose and merge scenes.
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
    Heights and widths of tilings from widths and heights, or from a range of tiles such as `"(1x1),...,(6x6)"`.

    Raises:
        [`ConversionError`]: if it is something else.
    """
    if theirs is None:
        return None
    if isinstance(theirs, str):
        tiles = [(int(width), int(height)) for width, height in re.findall(r"\((\d+)x(\d+)\)", theirs)]
        if not tiles:
            raise ConversionError(f"image_grid_pinpoints={theirs!r} is neither a list nor a range of tiles.")
        (first_width, first_height), (last_width, last_height) = tiles[0], tiles[-1]
        theirs = [
            [columns * tile_size, rows * tile_size]
            for columns in range(first_width, last_width + 1)
            for rows in range(first_height, last_height + 1)
        ]
    return [[height, width] for width, height in theirs]


def _peer(config: FilaVideoConfig, plan: WeightPlan) -> Peer:
    """The same tensors in transformers' class, which makes visual tokens of videos in one way only."""

    def load() -> LlavaOnevisionForConditionalGeneration:
        weights = {
            name: read_whole(weight) for name, weight in plan.weights.items() if not name.startswith(SCENE_MERGING)
        }
        return LlavaOnevisionForConditionalGeneration.from_pretrained(
            None, config=llava_onevision_config(config), state_dict=weights, dtype=torch.float32
        )

    kinds = ("text", "image", "video") if reads_videos_as_llava_onevision(config) else ("text", "image")
    return Peer("the same tensors in transformers' LlavaOnevisionForConditionalGeneration", kinds, load)
