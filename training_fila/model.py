"""The model and processor that a stage starts from, as its options want them."""

from typing import Any

import torch
from transformers import PreTrainedModel

from configuration_fila import FilaVideoConfig
from modeling_fila import FilaVideoForConditionalGeneration
from processing_fila import FilaVideoProcessor

from .lora import with_lora
from .parts import freeze_all_but
from .stage_config import StageConfig


# What the processor counts placeholders by is the model's configuration, kept twice.
PROCESSOR_FIELDS = ("spatial_pool_mode", "spatial_pool_stride", "newline_position", "vision_aspect_ratio")


def load_model(stage: StageConfig, **loading) -> PreTrainedModel:
    """
    The model in float32, with the stage's parts trainable. A learning rate of 2e-6 would be lost in bfloat16 weights:
    their steps are thousands of times larger. `loading` goes to `from_pretrained` too. Where `scene_size` is not the
    checkpoint's, the merging weights start anew, at the mean.

    Raises:
        `ValueError`: for options that FilaVideoConfig refuses.
        `OSError`: if there is no such model.
    """
    scene_size = stage.model_options.get("scene_size")
    if scene_size is not None and scene_size != FilaVideoConfig.from_pretrained(stage.model).scene_size:
        loading["ignore_mismatched_sizes"] = True
    model = FilaVideoForConditionalGeneration.from_pretrained(
        stage.model, dtype=torch.float32, **stage.model_options, **loading
    )
    freeze_all_but(model, [part for part, rate in stage.learning_rates.items() if rate])
    if stage.gradient_checkpointing:
        checkpoint_activations(model)
    return model if stage.lora is None else with_lora(model, stage)


def checkpoint_activations(model: PreTrainedModel) -> None:
    """Without re-entering the graph: the other kind gives no gradients where a block's input has none."""
    # The name changed between the versions of transformers that are supported.
    name = "activation" if hasattr(model, "activation_checkpointing_enable") else "gradient"
    getattr(model, f"{name}_checkpointing_enable")({"use_reentrant": False})


def keep_activations(model: PreTrainedModel) -> None:
    """Undoes `checkpoint_activations`."""
    name = "activation" if hasattr(model, "activation_checkpointing_disable") else "gradient"
    getattr(model, f"{name}_checkpointing_disable")()


def load_processor(stage: StageConfig, model: PreTrainedModel) -> FilaVideoProcessor:
    """The processor of the same checkpoint, counting as the model's configuration now does."""
    processor = FilaVideoProcessor.from_pretrained(stage.model)
    fit_processor(processor, model.config)
    return processor


def fit_processor(processor: FilaVideoProcessor, config: Any) -> None:
    """Makes a processor count placeholders as a configuration says."""
    processor.num_scenes = None if config.scene_merging == "none" else config.num_scenes
    for name in PROCESSOR_FIELDS:
        setattr(processor, name, getattr(config, name))
    processor.video_processor.num_frames = config.num_frames
    processor.video_processor.max_frames = max(processor.video_processor.max_frames, config.num_frames)
