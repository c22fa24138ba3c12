"""What the reader of a format hands on."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from transformers import PreTrainedModel

from configuration_fila import FilaVideoConfig

from .source_files import SourceFiles
from .weight_plan import SCENE_MERGING, WeightPlan


@dataclass(frozen=True)
class Peer:
    """
    The source as it runs without this project, to compare logits with.

    Args:
        name: the class that runs it.
        kinds: which prompts it must answer as the new model does: some of `"text"`, `"image"`, `"video"`.
        load: makes the model, in float32.
        max_frames: of a clip, so that each is a scene of its own. Default: it knows no scenes.
    """

    name: str
    kinds: tuple[str, ...]
    load: Callable[[], PreTrainedModel]
    max_frames: int | None = None


@dataclass
class Reading:
    """
    A source, understood.

    Args:
        config: of the new model.
        plan: its weights.
        tokenizer_folder: where its tokenizer is.
        sources: the checkpoints that were read; the first says the dtype.
        peer: see [`Peer`].
        training: a sentence for the model card, on what has been trained.
        fresh: beginnings of names of weights that the source lacks and that are initialised here.
    """

    config: FilaVideoConfig
    plan: WeightPlan
    tokenizer_folder: Path
    sources: list[SourceFiles]
    peer: Peer
    training: str
    fresh: tuple[str, ...] = (SCENE_MERGING,)


def untrained_merging(config: FilaVideoConfig) -> str:
    """The sentence on training for a source that knows no scenes."""
    if config.scene_merging == "none":
        return "Nothing has been trained since, and nothing is merged."
    start = ": it starts as the mean of a scene's frames" if config.scene_merging == "weighted" else ""
    return f"Merging has not been trained{start}."
