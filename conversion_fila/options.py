"""What a user can ask of a conversion."""

from dataclasses import dataclass, fields
from typing import Any

import torch

from .errors import ConversionError


# FiLA-Base keeps every sampled frame. 32 frames are what LLaVA-OneVision was trained on, and as many feature maps as
# FiLA-Video has scenes.
BASE = {"num_frames": 32, "scene_selection": "uniform", "scene_merging": "none", "scene_size": 1}
SCENE_OPTIONS = ("num_frames", "num_scenes", "scene_size", "scene_selection", "scene_supplement", "scene_merging")
TARGETS = ("fila-video", "llava-onevision")


@dataclass(frozen=True)
class ConversionOptions:
    """
    Args:
        to: `"fila-video"` or `"llava-onevision"`, the way back.
        num_frames, num_scenes, scene_size, scene_selection, scene_supplement, scene_merging: as in
            [`FilaVideoConfig`]. Default: its defaults, or what the source says if it is a FiLA-Video checkpoint.
        base: FiLA-Base: every sampled frame is a scene, and nothing is merged.
        dtype: of the weights. Default: tensors keep theirs; new ones, and those of `vision_tower`, take the language
            model's.
        vision_tower: folder or Hub id of a SigLIP checkpoint, for a source that has no tower.
        language_model: folder or Hub id of a Qwen2 checkpoint, for a source that is a SigLIP checkpoint.
        allow_pickle: whether `.bin` files may be read; through `weights_only`, which runs no code of theirs.
        revision: branch, tag or commit of a source on the Hub.
        seed: of weights that are initialised here.
        max_shard_bytes: the largest file of weights. Memory does not depend on it.
        parity: whether to compare logits with the source at the end.
    """

    to: str = "fila-video"
    num_frames: int | None = None
    num_scenes: int | None = None
    scene_size: int | None = None
    scene_selection: str | None = None
    scene_supplement: str | None = None
    scene_merging: str | None = None
    base: bool = False
    dtype: torch.dtype | None = None
    vision_tower: str | None = None
    language_model: str | None = None
    allow_pickle: bool = False
    revision: str | None = None
    seed: int = 0
    max_shard_bytes: int = 5 * 10**9
    parity: bool = True

    def __post_init__(self):
        if self.to not in TARGETS:
            raise ConversionError(f"to={self.to!r} is unknown; choose one of {', '.join(map(repr, TARGETS))}.")
        if self.max_shard_bytes < 1:
            raise ConversionError(f"max_shard_bytes={self.max_shard_bytes} must be at least 1.")
        if self.base:
            for name in BASE.keys() - {"num_frames"}:
                if getattr(self, name) not in (None, BASE[name]):
                    raise ConversionError(f"{name}={getattr(self, name)!r} contradicts base, which has {BASE[name]!r}.")

    def scenes(self) -> dict[str, Any]:
        """The fields of [`FilaVideoConfig`] that were asked for."""
        given = {name: getattr(self, name) for name in SCENE_OPTIONS if getattr(self, name) is not None}
        return {**BASE, **given} if self.base else given

    def refuse(self, source: str, *names: str) -> None:
        """Raises [`ConversionError`] if one of these was given: a source of this kind has no use for it."""
        defaults = {field.name: field.default for field in fields(self)}
        for name in names:
            if getattr(self, name) != defaults[name]:
                raise ConversionError(f"{name}={getattr(self, name)!r} does not go with {source}.")
