"""The reverse conversion: from FiLA-Video to LLaVA-OneVision."""

from dataclasses import replace

from configuration_fila import FilaVideoConfig

from ..errors import ConversionError
from ..options import SCENE_OPTIONS, ConversionOptions
from .llava_onevision import makes_the_same_video_tokens
from .source_model import SourceModel


def without_scene_merging(source: SourceModel, options: ConversionOptions) -> SourceModel:
    """
    Reduces a FiLA-Video checkpoint to the parts that LLaVA-OneVision has too.

    Raises:
        ConversionError: If the checkpoint has another format, or if an option cannot be used here.
    """
    files = source.sources[0]
    if files.config.get("model_type") != "fila_video":
        raise ConversionError(
            f"to='llava-onevision' converts FiLA-Video checkpoints, but model_type={files.config.get('model_type')!r} "
            f"of {files.name} is not 'fila_video'."
        )
    options.refuse("to='llava-onevision'", "base", *SCENE_OPTIONS)
    source.plan.drop_scene_merging("LLaVA-OneVision has no scene merging")
    same_tokens = makes_the_same_video_tokens(source.config)
    same_videos = same_tokens and source.config.scene_merging == "none"
    return replace(
        source,
        reference=replace(source.reference, kinds=("text", "image", "video") if same_videos else ("text", "image")),
        training="It was trained with the same visual tokens." if same_tokens else _other_tokens(source.config),
        new_weights=(),
    )


def _other_tokens(config: FilaVideoConfig) -> str:
    return (
        f"It was trained on videos with spatial_pool_mode={config.spatial_pool_mode!r}, "
        f"spatial_pool_stride={config.spatial_pool_stride} and newline_position={config.newline_position!r}, "
        "which this class does not have."
    )
