"""What every reader of a format returns: the source as a model that can be written."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from transformers import PreTrainedModel

from configuration_fila import FilaVideoConfig

from ..weights.weight_plan import SCENE_MERGING, WeightPlan
from .source_files import SourceFiles


@dataclass(frozen=True)
class ReferenceModel:
    """
    The source in a class that runs it as it is. The parity check compares logits with it.

    Args:
        name: Name of the class, as the model card states it.
        kinds: Kinds of prompts that both models must answer alike: some of `"text"`, `"image"` and `"video"`.
        load: Loads the model in float32.
        max_frames: Largest number of frames that it keeps as scenes of their own. Default: it has no scenes.
    """

    name: str
    kinds: tuple[str, ...]
    load: Callable[[], PreTrainedModel]
    max_frames: int | None = None


@dataclass
class SourceModel:
    """
    A source whose format has been understood.

    Args:
        config: Configuration of the new model.
        plan: Weights of the new model.
        tokenizer_folder: Folder with the tokenizer.
        sources: The checkpoints that were read. The first one determines the dtype.
        reference: The source in a class that runs it as it is.
        training: A sentence for the model card that says what has been trained.
        new_weights: Prefixes of the weights that the source does not have and that get initial values.
    """

    config: FilaVideoConfig
    plan: WeightPlan
    tokenizer_folder: Path
    sources: list[SourceFiles]
    reference: ReferenceModel
    training: str
    new_weights: tuple[str, ...] = (SCENE_MERGING,)


def untrained_merging(config: FilaVideoConfig) -> str:
    """Returns the sentence on training for a source that has no scenes."""
    if config.scene_merging == "none":
        return "Nothing has been trained since, and nothing is merged."
    start = ": it starts as the mean of the frames of a scene" if config.scene_merging == "weighted" else ""
    return f"Scene merging has not been trained{start}."
