"""A stage as transformers' TrainingArguments."""

from transformers import TrainingArguments

from .stage_config import StageConfig


# Fields that the stage sets from its own: giving them twice would leave open which one counts.
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
    The arguments of a stage; the global batch is split over the processes that run, and over accumulation.

    Raises:
        `ValueError`: if the batch cannot be split evenly, or `stage.trainer` sets what the stage has a field for.
    """
    for name in sorted(OWN_FIELDS.keys() & stage.trainer.keys()):
        raise ValueError(f"trainer.{name}={stage.trainer[name]!r}: the stage's own field is {OWN_FIELDS[name]}.")
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
        bf16=stage.precision == "bf16",
        seed=stage.seed,
        logging_steps=stage.logging_steps,
        save_steps=stage.save_steps,
        save_total_limit=stage.save_total_limit,
        dataloader_num_workers=stage.data.workers,
        **{**_defaults(), **stage.trainer},
    )
    arguments.gradient_accumulation_steps = accumulation_steps(
        stage.batch_size, stage.micro_batch_size, arguments.world_size
    )
    return arguments


def accumulation_steps(batch_size: int, micro_batch_size: int, num_processes: int) -> int:
    """How many micro batches each process accumulates for a step."""
    steps, rest = divmod(batch_size, micro_batch_size * num_processes)
    if rest or not steps:
        raise ValueError(
            f"batch_size={batch_size} cannot be split evenly: micro_batch_size={micro_batch_size} samples in each of "
            f"{num_processes} processes are {micro_batch_size * num_processes} at a time."
        )
    return steps


def _defaults() -> dict:
    return {
        "report_to": "tensorboard",
        "logging_first_step": True,
        "remove_unused_columns": False,  # the collator reads them
        "label_names": ["labels"],
        # Every parameter takes part in every step: training_fila/unused_parts.py.
        "ddp_find_unused_parameters": False,
        # Each process reads and decodes its own share.
        "accelerator_config": {"dispatch_batches": False},
        # What is asked for is done, or the run says why not: a loss that is not a number is shown as such.
        "logging_nan_inf_filter": False,
    }
