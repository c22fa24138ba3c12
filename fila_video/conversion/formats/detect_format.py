"""Detects the format of a checkpoint by its configuration and the names of its tensors, never by its own name."""

from collections.abc import Callable

from ..errors import ConversionError
from ..options import ConversionOptions
from .fila_video import read_fila_video
from .llava_next import read_llava_next
from .llava_onevision import read_llava_onevision
from .siglip_and_qwen2 import read_siglip_and_qwen2
from .source_files import SourceFiles
from .source_model import SourceModel


READERS: dict[str, Callable[[SourceFiles, ConversionOptions], SourceModel]] = {
    "fila_video": read_fila_video,
    "llava_onevision": read_llava_onevision,
    "llava_next_code": read_llava_next,
    "qwen2": read_siglip_and_qwen2,
    "siglip": read_siglip_and_qwen2,
    "siglip_vision_model": read_siglip_and_qwen2,
}


def read_source(source: SourceFiles, options: ConversionOptions) -> SourceModel:
    """
    Reads a checkpoint with the reader of its format.

    Raises:
        ConversionError: If the format is unknown, or if the checkpoint or an option has no counterpart in FiLA-Video.
    """
    return READERS[detect_format(source)](source, options)


def detect_format(source: SourceFiles) -> str:
    """
    Returns a key of `READERS`.

    Raises:
        ConversionError: If the format is unknown. The message names the checkpoint's `model_type`.
    """
    # Checkpoints of the LLaVA-NeXT code have the model type llava_qwen, llava or qwen2.
    if "mm_projector_type" in source.config or any(name.startswith("model.mm_projector.") for name in source.weights):
        return "llava_next_code"
    model_type = source.config.get("model_type")
    if model_type not in READERS:
        raise ConversionError(
            f"The format of {source.name} (model_type={model_type!r}) is unknown. Known formats are LLaVA-OneVision, "
            "LLaVA-NeXT, FiLA-Video, SigLIP and Qwen2."
        )
    return model_type
