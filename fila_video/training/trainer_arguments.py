"""Turns a stage into transformers' TrainingArguments."""

from dataclasses import fields

import torch
from transformers import TrainingArguments
from transformers.utils import is_torch_bf16_gpu_available, is_torch_xla_available

from .stage_config import StageConfig


# Fields of TrainingArguments that the stage sets itself, and the stage's fields that they come from.
OWN_FIELDS = {
    "output_dir": "output",
    "learning_rate": "learning_rates",
    "per_device_train_batch_size": "batch_size and micro_batch_size",
    "gradient_accumulation_steps": "batch_size and micro_batch_size",
    "num_train_epochs": "epochs",
    "max_steps": "max_steps",
    "lr_scheduler_type": "schedule",
    "warmup_steps": "warmup_ratio",
    "weight_decay": "weight_decay",
    "max_grad_norm": "max_gradient_norm",
    "bf16": "precision",
    "activation_checkpointing": "gradient_checkpointing",
    "gradient_checkpointing": "gradient_checkpointing",
    "seed": "seed",
    "logging_steps": "logging_steps",
    "save_steps": "save_steps",
    "save_total_limit": "save_total_limit",
    "dataloader_num_workers": "data.workers",
}


def training_arguments(stage: StageConfig) -> TrainingArguments:
    """
    Makes the training arguments of a stage.

    The global batch is split over the running processes, and over accumulation steps.

    Raises:
        ValueError: If the batch cannot be split evenly, if `stage.trainer` sets something that does not exist or that
            the stage has a field for, or if the device does not support the precision.
    """
    for name in sorted(OWN_FIELDS.keys() & stage.trainer.keys()):
        raise ValueError(
            f"trainer.{name}={stage.trainer[name]!r}: use the stage's own field instead, {OWN_FIELDS[name]}."
        )
    for name in sorted(stage.trainer.keys() - {field.name for field in fields(TrainingArguments)}):
        raise ValueError(f"trainer.{name}={stage.trainer[name]!r}: transformers.TrainingArguments has no such field.")
    precision = precision_of(stage)
    arguments = TrainingArguments(
        output_dir=stage.output,
        per_device_train_batch_size=stage.micro_batch_size,
        learning_rate=max(rate for rate in stage.learning_rates.values() if rate),
        num_train_epochs=stage.epochs,
        max_steps=stage.max_steps or -1,
        lr_scheduler_type=stage.schedule,
        warmup_steps=stage.warmup_ratio,  # below 1, a share of all steps
        weight_decay=stage.weight_decay,
        max_grad_norm=stage.max_gradient_norm,
        bf16=precision == "bf16",
        seed=stage.seed,
        logging_steps=stage.logging_steps,
        save_steps=stage.save_steps,
        save_total_limit=stage.save_total_limit,
        dataloader_num_workers=stage.data.workers,
        **{**_defaults(), "use_cpu": not torch.accelerator.is_available(), **stage.trainer},
    )
    arguments.gradient_accumulation_steps = accumulation_steps(
        stage.batch_size, stage.micro_batch_size, arguments.world_size
    )
    return arguments


def accumulation_steps(batch_size: int, micro_batch_size: int, num_processes: int) -> int:
    """Number of micro batches that each process accumulates in a step."""
    steps, rest = divmod(batch_size, micro_batch_size * num_processes)
    if rest or not steps:
        raise ValueError(
            f"batch_size={batch_size} cannot be split evenly: micro_batch_size={micro_batch_size} in {num_processes} "
            f"processes makes {micro_batch_size * num_processes} samples at a time."
        )
    return steps


def precision_of(stage: StageConfig) -> str:
    """
    Returns the precision of a stage on this machine, `"bf16"` or `"fp32"`.

    Raises:
        ValueError: If the stage asks for bfloat16, and the GPU does not support it.
    """
    on_cpu = stage.trainer.get("use_cpu", not torch.accelerator.is_available())
    has_support = is_torch_bf16_gpu_available() or is_torch_xla_available()
    if stage.precision == "auto":
        return "bf16" if has_support and not on_cpu else "fp32"
    if stage.precision == "bf16" and not has_support and not on_cpu:
        raise ValueError(
            "precision=bf16: this GPU does not support bfloat16. Use precision=fp32, or add trainer.use_cpu=true to "
            "train on the CPU."
        )
    return stage.precision


def _defaults() -> dict:
    return {
        "report_to": "tensorboard",
        "logging_first_step": True,
        "remove_unused_columns": False,  # the collator reads them
        "label_names": ["labels"],
        # Every trained parameter has a gradient in every step: model/zero_gradients.py.
        "ddp_find_unused_parameters": False,
        # Each process reads and decodes its own samples.
        "accelerator_config": {"dispatch_batches": False},
        # A loss that is NaN or infinite is logged as it is.
        "logging_nan_inf_filter": False,
    }
