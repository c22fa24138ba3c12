"""Reading a FiLA-Video checkpoint: to choose or merge scenes in another way."""

from typing import Any

import torch

from configuration_fila import FilaVideoConfig
from modeling_fila import FilaVideoForConditionalGeneration

from .errors import ConversionError
from .key_maps import FILA_VIDEO
from .options import SCENE_OPTIONS, ConversionOptions
from .reading import Peer, Reading
from .source_files import SourceFiles
from .weight_plan import SCENE_MERGING, WeightPlan


CHANGED = "Merging has been changed and not trained since."
MERGING_WEIGHT = SCENE_MERGING + "weight"


def read_fila_video(source: SourceFiles, options: ConversionOptions) -> Reading:
    """
    Raises [`ConversionError`] if its merging weights are for another number of patches than its frames have.
    """
    options.refuse("a FiLA-Video checkpoint, which has its own", "vision_tower", "language_model")
    old = FilaVideoConfig.from_dict(source.config)
    config = FilaVideoConfig.from_dict({**source.config, **_scenes(old, options.scenes())})
    plan = WeightPlan()
    plan.add(source, FILA_VIDEO)
    _check_patches(plan, old)
    same_merging = (old.scene_merging, old.scene_size) == (config.scene_merging, config.scene_size)
    # Only weighted merging has weights for each frame of a scene.
    keeps_weights = same_merging or old.scene_merging == config.scene_merging != "weighted"
    if not keeps_weights:
        for name in [name for name in plan.weights if name.startswith(SCENE_MERGING)]:
            plan.drop(name, f"merging goes from {_describe(old)} to {_describe(config)}")
    peer = Peer(
        "the checkpoint it was made from",
        ("text", "image", "video") if same_merging else ("text", "image"),
        lambda: FilaVideoForConditionalGeneration.from_pretrained(source.folder, dtype=torch.float32),
        max_frames=None if old.scene_merging == "none" else old.num_scenes,
    )
    training = "Merging is as in the checkpoint it was made from." if same_merging else CHANGED
    fresh = () if keeps_weights else (SCENE_MERGING,)
    return Reading(config, plan, source.folder, [source], peer, training, fresh)


def _scenes(old: FilaVideoConfig, asked: dict[str, Any]) -> dict[str, Any]:
    """
    What is asked, and else what the source has; from FiLA-Base to merging, else the defaults, for its own fit no
    merging.
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
            f"{wanted[1]}: merging weights do not carry over to another number of patches."
        )


def _describe(config: FilaVideoConfig) -> str:
    return f"{config.scene_merging} (scenes of {config.scene_size})"
