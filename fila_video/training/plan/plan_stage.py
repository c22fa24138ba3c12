"""The table that `--plan` prints: how much memory a stage needs on each GPU."""

from collections.abc import Sequence
from dataclasses import fields

import torch

from configuration_fila import FilaVideoConfig
from fila_video.common.tables import markdown_table
from fila_video.conversion.weights.initial_weights import model_on_meta
from modeling_fila import FilaVideoForConditionalGeneration

from ..data.data_config import most_frames
from ..model.load_model import load_config
from ..model.trained_parts import freeze_all_but, table_of_parts
from ..stage_config import StageConfig
from .activations import count_activations
from .memory_plan import MemoryPlan, plan_memory


GIB = 2**30
# Assumed length of prompt and answer without times.
TEXT_TOKENS = 512
# Assumed length of a time in the prompt. The sentence with 96 times has about 550 tokens.
TIMESTAMP_TOKENS = 6


def plan_stage(stage: StageConfig, *, num_gpus: Sequence[int] = (1, 8), config: FilaVideoConfig | None = None) -> str:
    """
    Describes how much memory a stage needs.

    Only the configuration of the stage's model is read, not its weights and not the data.

    Args:
        stage: The stage.
        num_gpus: Numbers of GPUs; the table has a column for each.
        config: Configuration of the model. Default: it is read from `stage.model`.

    Returns:
        The parts that are trained, and a Markdown table in GiB.

    Raises:
        OSError: If there is no such model.
    """
    config = config or load_config(stage.model, **stage.model_options)
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
    precision = "fp32" if stage.precision == "fp32" else "bf16"  # "auto" is bfloat16 on the GPUs of the plan
    plans = {count: plan_memory(model, activations, num_gpus=count, is_bf16=precision == "bf16") for count in num_gpus}
    sample = f"{num_frames} frames" if modality == "video" else "an image of four tiles"
    return "\n".join(
        [
            f"Stage {stage.name}, {precision}, micro batches of {stage.micro_batch_size}: {sample}, "
            f"{text_tokens} tokens of text, gradient checkpointing {'on' if stage.gradient_checkpointing else 'off'}\n",
            table_of_parts(model, stage.learning_rates),
            "",
            _table(plans),
        ]
    )


def _meta_model(stage: StageConfig, config: FilaVideoConfig) -> FilaVideoForConditionalGeneration:
    config.dtype = torch.float32 if stage.precision == "fp32" else torch.bfloat16
    model = model_on_meta(FilaVideoForConditionalGeneration, config)
    freeze_all_but(model, [part for part, rate in stage.learning_rates.items() if rate])
    return model


def _table(plans: dict[int, MemoryPlan]) -> str:
    heads = [f"{count} GPU{'s' if count > 1 else ''}" for count in plans]
    names = [field.name for field in fields(MemoryPlan)] + ["total"]
    rows = [(name.replace("_", " "), *(getattr(plan, name) for plan in plans.values())) for name in names]
    cells = [(name, *(f"{size / GIB:.1f}" for size in sizes)) for name, *sizes in rows]
    return markdown_table(["GiB on each", *heads], cells, align="l" + "r" * len(heads))
