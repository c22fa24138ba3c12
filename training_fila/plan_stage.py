"""`--plan`: the memory that a stage needs on one processor and on several, before anything is trained."""

from collections.abc import Sequence
from dataclasses import fields

import torch

from configuration_fila import FilaVideoConfig
from conversion_fila.initial_weights import model_on_meta
from modeling_fila import FilaVideoForConditionalGeneration

from .activations import count_activations
from .data_config import most_frames
from .memory_plan import MemoryPlan, plan_memory
from .parts import freeze_all_but, table_of_parts
from .stage_config import StageConfig


GIB = 2**30
# The prompt and the answer; a sentence with 96 timestamps has some 550 tokens more.
TEXT_TOKENS = 512
TIMESTAMP_TOKENS = 6


def plan_stage(stage: StageConfig, *, num_gpus: Sequence[int] = (1, 8), config: FilaVideoConfig | None = None) -> str:
    """
    A table in GiB, with a column for each number of processors.

    Args:
        stage: its model's configuration is read, not its weights; data is not looked at.
        config: of the model, instead of reading it.

    Raises:
        `OSError`: if there is no such model.
    """
    config = config or FilaVideoConfig.from_pretrained(stage.model, **stage.model_options)
    modality = "video" if "num_frames" in stage.model_options else "image"
    num_frames = most_frames(stage.data, config.num_frames)
    text_tokens = TEXT_TOKENS + (TIMESTAMP_TOKENS * num_frames if modality == "video" else 0)
    model = _meta_model(stage, config)
    activations = count_activations(
        model,
        modality=modality,
        num_frames=num_frames,
        text_tokens=text_tokens,
        batch_size=stage.micro_batch_size,
        gradient_checkpointing=stage.gradient_checkpointing,
    )
    is_bf16 = stage.precision == "bf16"
    plans = {count: plan_memory(model, activations, num_gpus=count, is_bf16=is_bf16) for count in num_gpus}
    sample = f"{num_frames} frames" if modality == "video" else "an image of four tiles"
    return "\n".join(
        [
            f"Stage {stage.name}, {stage.precision}, micro batches of {stage.micro_batch_size}: {sample}, "
            f"{text_tokens} tokens of text, gradient checkpointing {'on' if stage.gradient_checkpointing else 'off'}\n",
            table_of_parts(model, stage.learning_rates),
            "",
            _table(plans),
        ]
    )


def _meta_model(stage: StageConfig, config: FilaVideoConfig) -> FilaVideoForConditionalGeneration:
    config.dtype = torch.bfloat16 if stage.precision == "bf16" else torch.float32
    model = model_on_meta(FilaVideoForConditionalGeneration, config)
    freeze_all_but(model, [part for part, rate in stage.learning_rates.items() if rate])
    return model


def _table(plans: dict[int, MemoryPlan]) -> str:
    heads = [f"{count} GPU{'s' if count > 1 else ''}" for count in plans]
    names = [field.name for field in fields(MemoryPlan)] + ["total"]
    rows = [(name.replace("_", " "), *(getattr(plan, name) for plan in plans.values())) for name in names]
    lines = [f"| GiB on each | {' | '.join(heads)} |", f"| --- |{' ---: |' * len(heads)}"]
    lines += [f"| {name} | {' | '.join(f'{size / GIB:.1f}' for size in sizes)} |" for name, *sizes in rows]
    return "\n".join(lines)
