"""Reads a FiLA-Video checkpoint, to change how it selects or merges scenes."""

from typing import Any

import torch

from configuration_fila import FilaVideoConfig
from modeling_fila import FilaVideoForConditionalGeneration

from ..errors import ConversionError
from ..options import SCENE_OPTIONS, ConversionOptions
from ..weights.weight_plan import SCENE_MERGING, WeightPlan
from .key_maps import FILA_VIDEO
from .source_files import SourceFiles
from .source_model import ReferenceModel, SourceModel


CHANGED = "Scene merging has been changed and has not been trained since."
UNCHANGED = "Scene merging is the same as in the checkpoint that this one was made from."
MERGING_WEIGHT = SCENE_MERGING + "weight"


def read_fila_video(source: SourceFiles, options: ConversionOptions) -> SourceModel:
    """
    Reads a checkpoint and applies the options to its configuration.

    Merging weights are kept if merging stays the same. Otherwise they get initial values.

    Raises:
        ConversionError: If the merging weights are for another number of patches than a frame has.
    """
    options.refuse("a FiLA-Video checkpoint, which has its own", "vision_tower", "language_model")
    old = FilaVideoConfig.from_dict(source.config)
    config = FilaVideoConfig.from_dict({**source.config, **_scene_fields(old, options.scenes())})
    plan = WeightPlan()
    plan.add(source.weights, FILA_VIDEO)
    _check_patches(plan, old)
    same_merging = (old.scene_merging, old.scene_size) == (config.scene_merging, config.scene_size)
    # Only weighted merging has weights for each frame of a scene.
    keeps_weights = same_merging or old.scene_merging == config.scene_merging != "weighted"
    if not keeps_weights:
        plan.drop_scene_merging(f"merging changes from {_describe(old)} to {_describe(config)}")
    reference = ReferenceModel(
        "the checkpoint that it was made from",
        ("text", "image", "video") if same_merging else ("text", "image"),
        lambda: FilaVideoForConditionalGeneration.from_pretrained(source.folder, dtype=torch.float32),
        max_frames=None if old.scene_merging == "none" else old.num_scenes,
    )
    training = UNCHANGED if same_merging else CHANGED
    new_weights = () if keeps_weights else (SCENE_MERGING,)
    return SourceModel(config, plan, source.folder, [source], reference, training, new_weights)


def _scene_fields(old: FilaVideoConfig, asked: dict[str, Any]) -> dict[str, Any]:
    """
    Returns the fields of the configuration that change.

    These are the fields that the user asked for. From FiLA-Base to a model that merges, the others take their defaults,
    because those of FiLA-Base do not fit merging.
    """
    leaves_base = old.scene_merging == "none" and asked.get("scene_merging", "none") != "none"
    defaults = {name: getattr(FilaVideoConfig(), name) for name in SCENE_OPTIONS}
    return {**(defaults if leaves_base else {}), **asked}


def _check_patches(plan: WeightPlan, config: FilaVideoConfig) -> None:
    weight = plan.weights.get(MERGING_WEIGHT)
    wanted = (config.patches_per_side**2, config.vision_config.hidden_size)
    if weight is not None and tuple(weight.shape[1:]) != wanted:
        raise ConversionError(
            f"{weight.origin} has the shape {tuple(weight.shape)}, but a frame has {wanted[0]} patches of width "
            f"{wanted[1]}. Merging weights cannot be used for another number of patches."
        )


def _describe(config: FilaVideoConfig) -> str:
    return f"{config.scene_merging} (scenes of {config.scene_size})"
