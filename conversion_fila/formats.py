"""Which format a checkpoint has: its configuration and the names of its tensors say it, never its own name."""

from collections.abc import Callable

from .errors import ConversionError
from .fila_video import read_fila_video
from .llava_next import read_llava_next
from .llava_onevision import read_llava_onevision
from .options import ConversionOptions
from .parts import read_parts
from .reading import Reading
from .source_files import SourceFiles


READERS: dict[str, Callable[[SourceFiles, ConversionOptions], Reading]] = {
    "fila_video": read_fila_video,
    "llava_onevision": read_llava_onevision,
    "llava_next_code": read_llava_next,
    "qwen2": read_parts,
    "siglip": read_parts,
    "siglip_vision_model": read_parts,
}


def format_of(source: SourceFiles) -> str:
    """
    One of `READERS`.

    Raises:
        [`ConversionError`]: if it is none; the message says what the checkpoint calls itself.
    """
    # Checkpoints of the LLaVA-NeXT code call themselves llava_qwen, llava or qwen2.
    if "mm_projector_type" in source.config or any(name.startswith("model.mm_projector.") for name in source.weights):
        return "llava_next_code"
    model_type = source.config.get("model_type")
    if model_type not in READERS:
        raise ConversionError(
            f"model_type={model_type!r} of {source.name} is no format that is known here: LLaVA-OneVision, LLaVA-NeXT, "
            "FiLA-Video, SigLIP or Qwen2."
        )
    return model_type


def read_source(source: SourceFiles, options: ConversionOptions) -> Reading:
    """
    Understands a checkpoint.

    Raises:
        [`ConversionError`]: if its format is unknown, or it or an option has no counterpart.
    """
    return READERS[format_of(source)](source, options)
