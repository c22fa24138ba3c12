"""The way back: what a FiLA-Video model shares with LLaVA-OneVision."""

from dataclasses import replace

from configuration_fila import FilaVideoConfig

from .errors import ConversionError
from .llava_onevision import reads_videos_as_llava_onevision
from .options import SCENE_OPTIONS, ConversionOptions
from .reading import Reading
from .weight_plan import SCENE_MERGING


def without_merging(reading: Reading, options: ConversionOptions) -> Reading:
    """
    The reading of a FiLA-Video checkpoint, without its merging weights.

    Raises:
        [`ConversionError`]: if it is a checkpoint of another format, or an option does not go with it.
    """
    source = reading.sources[0]
    if source.config.get("model_type") != "fila_video":
        raise ConversionError(
            f"to='llava-onevision' is the way back from FiLA-Video, and model_type={source.config.get('model_type')!r} "
            f"of {source.name} is not 'fila_video'."
        )
    options.refuse("the way back", "base", *SCENE_OPTIONS)
    config, plan = reading.config, reading.plan
    for name in [name for name in plan.weights if name.startswith(SCENE_MERGING)]:
        plan.drop(name, "LLaVA-OneVision merges no scenes")
    same_maps = reads_videos_as_llava_onevision(config)
    kinds = ("text", "image", "video") if same_maps and config.scene_merging == "none" else ("text", "image")
    training = "It was trained with the same visual tokens." if same_maps else _other_tokens(config)
    return replace(reading, peer=replace(reading.peer, kinds=kinds), training=training, fresh=())


def _other_tokens(config: FilaVideoConfig) -> str:
    return (
        f"It was trained on videos with spatial_pool_mode={config.spatial_pool_mode!r}, "
        f"spatial_pool_stride={config.spatial_pool_stride} and newline_position={config.newline_position!r}, "
        "which this class does not have."
    )
