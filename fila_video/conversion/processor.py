"""Builds the processor of a model. It writes one placeholder for each visual token that the model makes."""

from transformers import PreTrainedTokenizerBase

from configuration_fila import FilaVideoConfig
from processing_fila import FilaVideoProcessor, FilaVideoVideoProcessor
from processing_fila.frame_sampling import DEFAULT_MAX_FRAMES


def build_processor(config: FilaVideoConfig, tokenizer: PreTrainedTokenizerBase) -> FilaVideoProcessor:
    """
    Builds the processor of a model.

    Args:
        config: Configuration of the model.
        tokenizer: Tokenizer with both placeholders.

    Raises:
        ValueError: If the ids of `<image>` or `<video>` differ between tokenizer and configuration.
    """
    image_size = config.vision_config.image_size
    size = {"height": image_size, "width": image_size}
    processor = FilaVideoProcessor(
        FilaVideoVideoProcessor(
            num_frames=config.num_frames, max_frames=max(config.num_frames, DEFAULT_MAX_FRAMES), size=size
        ),
        tokenizer,
        num_scenes=None if config.scene_merging == "none" else config.num_scenes,
        patches_per_side=config.patches_per_side,
        spatial_pool_mode=config.spatial_pool_mode,
        spatial_pool_stride=config.spatial_pool_stride,
        newline_position=config.newline_position,
        vision_aspect_ratio=config.vision_aspect_ratio,
    )
    processor.image_processor.image_grid_pinpoints = config.image_grid_pinpoints
    for name in ("image_token", "video_token"):
        found, wanted = getattr(processor, f"{name}_id"), getattr(config, f"{name}_id")
        if found != wanted:
            raise ValueError(
                f"The tokenizer's id of {getattr(processor, name)} is {found}, but config.{name}_id is {wanted}."
            )
    return processor
