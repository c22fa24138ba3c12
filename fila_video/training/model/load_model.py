"""The model and the processor that a stage starts from, with the stage's options."""

from typing import Any

import torch
from huggingface_hub.errors import StrictDataclassError
from torch import nn

from configuration_fila import FilaVideoConfig
from fila_video.common.loading import loading, no_bars_if_small
from modeling_fila import FilaVideoForConditionalGeneration
from processing_fila import FilaVideoProcessor

from ..stage_config import StageConfig
from .gradient_checkpointing import enable_gradient_checkpointing
from .lora import with_lora
from .trained_parts import freeze_all_but


# Fields of the model's configuration that the processor keeps a copy of, to count placeholders.
PROCESSOR_FIELDS = ("spatial_pool_mode", "spatial_pool_stride", "newline_position", "vision_aspect_ratio")


def load_config(model: str, **model_options) -> FilaVideoConfig:
    """
    Reads the configuration of a checkpoint.

    Args:
        model: Folder or Hub id of the checkpoint.
        model_options: Fields of the configuration to change.

    Raises:
        ValueError: If FilaVideoConfig refuses the options.
        OSError: If there is no such model; the message names it.
    """
    try:
        with loading(model):
            config, unknown = FilaVideoConfig.from_pretrained(model, return_unused_kwargs=True, **model_options)
    except OSError as error:
        raise OSError(f"model={error}") from error
    except StrictDataclassError as error:
        raise ValueError(f"model_options={model_options}: {error}") from error
    for name in sorted(unknown.keys() - {"attn_implementation"}):
        raise ValueError(f"model_options.{name}={unknown[name]!r}: FilaVideoConfig has no such field.")
    return config


def load_model(stage: StageConfig, **options) -> nn.Module:
    """
    Loads the model of a stage in float32 and makes the stage's parts trainable.

    The weights are float32 because a learning rate of 2e-6 would be lost in bfloat16 weights, whose steps are thousands
    of times larger. Where the stage changes the checkpoint's `scene_size`, the merging weights start again as the mean.

    Args:
        stage: The stage.
        options: Further arguments of `from_pretrained`.

    Raises:
        ValueError: If FilaVideoConfig refuses the stage's options.
        OSError: If there is no such model.
    """
    load_config(stage.model, **stage.model_options)  # refuses options in one line
    scene_size = stage.model_options.get("scene_size")
    if scene_size not in (None, load_config(stage.model).scene_size):
        options["ignore_mismatched_sizes"] = True
    with no_bars_if_small(stage.model):
        model = FilaVideoForConditionalGeneration.from_pretrained(
            stage.model, dtype=torch.float32, **stage.model_options, **options
        )
    freeze_all_but(model, [part for part, rate in stage.learning_rates.items() if rate])
    if stage.gradient_checkpointing:
        enable_gradient_checkpointing(model)
    return model if stage.lora is None else with_lora(model, stage)


def load_processor(stage: StageConfig, model: nn.Module) -> FilaVideoProcessor:
    """Loads the processor of the same checkpoint and makes it count placeholders as the model does."""
    processor = FilaVideoProcessor.from_pretrained(stage.model)
    fit_processor(processor, model.config)
    return processor


def fit_processor(processor: FilaVideoProcessor, config: Any) -> None:
    """Makes a processor count placeholders as a model with this configuration does."""
    processor.num_scenes = None if config.scene_merging == "none" else config.num_scenes
    for name in PROCESSOR_FIELDS:
        setattr(processor, name, getattr(config, name))
    processor.video_processor.num_frames = config.num_frames
    processor.video_processor.max_frames = max(processor.video_processor.max_frames, config.num_frames)
