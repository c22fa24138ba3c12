"""The options of a conversion."""

from dataclasses import dataclass, fields
from typing import Any

import torch

from .errors import ConversionError
from .output_names import OUTPUT_NAMES, TO_FILA_VIDEO
from .weights.shards import DEFAULT_MAX_SHARD_BYTES


# FiLA-Base keeps every sampled frame. LLaVA-OneVision was trained on 32 frames, and FiLA-Video has 32 scenes.
BASE = {
    "num_frames": 32,
    "scene_selection": "uniform",
    "scene_merging": "none",
    "scene_size": 1,
    "selection_layer": None,
}
SCENE_OPTIONS = (
    "num_frames",
    "num_scenes",
    "scene_size",
    "scene_selection",
    "scene_supplement",
    "scene_merging",
    "selection_layer",
)


@dataclass(frozen=True)
class ConversionOptions:
    """
    Args:
        to: Format to write: `"fila-video"`, or `"llava-onevision"` for the reverse conversion.
        num_frames, num_scenes, scene_size, scene_selection, scene_supplement, scene_merging, selection_layer: See
            `FilaVideoConfig`. Default: its defaults, or the values of the source if that is a FiLA-Video checkpoint.
        base: Makes FiLA-Base: every sampled frame is a scene, and nothing is merged.
        dtype: Dtype of the weights. Default: the dtype of the source, or of the language model if two checkpoints are
            joined.
        vision_tower: Folder or Hub id of a SigLIP checkpoint, for a source without a vision tower.
        language_model: Folder or Hub id of a Qwen2 checkpoint, for a source that is a SigLIP checkpoint.
        allow_pickle: Whether `.bin` files may be read. torch reads them with `weights_only`, which runs no code of
            theirs.
        revision: Branch, tag or commit of the source on the Hub.
        seed: Random seed of weights that get initial values.
        max_shard_bytes: Largest size of a file of weights in bytes. A conversion holds one such file in memory.
        parity: Whether to compare logits with the source at the end.
    """

    to: str = TO_FILA_VIDEO
    num_frames: int | None = None
    num_scenes: int | None = None
    scene_size: int | None = None
    scene_selection: str | None = None
    scene_supplement: str | None = None
    scene_merging: str | None = None
    selection_layer: int | None = None
    base: bool = False
    dtype: torch.dtype | None = None
    vision_tower: str | None = None
    language_model: str | None = None
    allow_pickle: bool = False
    revision: str | None = None
    seed: int = 0
    max_shard_bytes: int = DEFAULT_MAX_SHARD_BYTES
    parity: bool = True

    def __post_init__(self):
        if self.to not in OUTPUT_NAMES:
            raise ConversionError(f"to={self.to!r} is unknown; choose one of {', '.join(map(repr, OUTPUT_NAMES))}.")
        if self.max_shard_bytes < 1:
            raise ConversionError(f"max_shard_bytes={self.max_shard_bytes} must be at least 1.")
        if self.base:
            for name in BASE.keys() - {"num_frames"}:
                if getattr(self, name) not in (None, BASE[name]):
                    raise ConversionError(
                        f"{name}={getattr(self, name)!r} contradicts base=True, which sets it to {BASE[name]!r}."
                    )

    def scenes(self) -> dict[str, Any]:
        """Returns the fields of `FilaVideoConfig` that the user asked for."""
        given = {name: getattr(self, name) for name in SCENE_OPTIONS if getattr(self, name) is not None}
        return {**BASE, **given} if self.base else given

    def refuse(self, source: str, *names: str) -> None:
        """
        Refuses options that have no meaning for a kind of source.

        Args:
            source: The kind of source, for the message.
            names: Names of the options.

        Raises:
            ConversionError: If the user gave one of them.
        """
        defaults = {field.name: field.default for field in fields(self)}
        for name in names:
            if getattr(self, name) != defaults[name]:
                raise ConversionError(f"{name}={getattr(self, name)!r} cannot be used with {source}.")
