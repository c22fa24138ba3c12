"""Runs a stage: builds the model, the data and the trainer, trains, and saves the result."""

from pathlib import Path
from typing import Any

from accelerate.utils import broadcast_object_list

from fila_video.common.loading import no_bars_if_small

from .checkpoints import resume_point, steps_done
from .data.skipped_samples import SkippedSamples
from .data.skipping_collator import SkippingCollator
from .data.training_dataset import load_training_data
from .model.load_model import fit_processor, load_model, load_processor
from .model.merging_weights import draw_merging_weights, read_merging_weight
from .model.trained_parts import table_of_parts
from .stage_config import StageConfig, changed_fields, save_stage
from .trainer import FilaVideoTrainer
from .trainer_arguments import training_arguments


STAGE_FILE = "stage.yaml"
MERGING_PICTURE = "merging_weights.png"


def run_stage(stage: StageConfig) -> FilaVideoTrainer:
    """
    Trains a stage and saves model and processor in `stage.output`.

    Training resumes from the newest whole checkpoint in that folder if there is one.

    Returns:
        The trainer; its log is in `state.log_history`.
    """
    trainer = prepare(stage)
    train(trainer)
    return trainer


def prepare(stage: StageConfig) -> FilaVideoTrainer:
    """
    Builds the trainer of a stage and prints what will be trained on which data.

    Raises:
        ValueError: If the stage cannot be run as it is written, or all checkpoints in its folder are damaged.
        FileExistsError: If the stage is finished already.
        OSError: If the model or the data cannot be read.
    """
    if steps_done(stage.output) is not None:
        raise FileExistsError(
            f"output={stage.output} contains a finished stage; give another folder or remove this one."
        )
    trainer = build_trainer(stage)
    trainer.checkpoint = _find_checkpoint(trainer)
    if trainer.is_world_process_zero():
        _print_summary(trainer)
    return trainer


def train(trainer: FilaVideoTrainer) -> None:
    """
    Trains from the beginning or from the last whole checkpoint, and saves the result.

    Raises:
        NotFiniteError: If the loss or a weight is not finite. The checkpoints written before are kept.
        TooManySkippedError: If more samples are unreadable than the stage allows, or no sample can be used.
        TooLongError: If a sample is longer than the stage allows.
    """
    with no_bars_if_small(trainer.stage.model):
        trainer.train(resume_from_checkpoint=trainer.checkpoint)
        save_result(trainer)


def _find_checkpoint(trainer: FilaVideoTrainer) -> str | None:
    """Finds the checkpoint to resume from. One process reads the checkpoints and tells the others."""
    found: list[str | ValueError | None] = [None]
    if trainer.is_world_process_zero():
        try:
            found[0] = None if (checkpoint := resume_point(trainer.stage.output)) is None else str(checkpoint)
        except ValueError as error:
            found[0] = error
    (checkpoint_or_error,) = broadcast_object_list(found)
    if isinstance(checkpoint_or_error, ValueError):
        raise checkpoint_or_error
    return checkpoint_or_error


def build_trainer(stage: StageConfig, **loading) -> FilaVideoTrainer:
    """
    Builds the trainer of a stage with its model, data and optimizer settings.

    Args:
        stage: The stage.
        loading: Further arguments of the model's `from_pretrained`, such as `distributed_config`.
    """
    arguments = training_arguments(stage)
    model = load_model(stage, **loading)
    processor = load_processor(stage, model)
    collator = SkippingCollator.of_data(processor, stage.data, seed=stage.seed)
    return FilaVideoTrainer(
        stage=stage,
        skipped=SkippedSamples(stage.data.unreadable_limit),
        model=model,
        args=arguments,
        train_dataset=load_training_data(stage.data, processor=processor, seed=stage.seed, load=collator.load),
        data_collator=collator,
        processing_class=processor,
    )


def save_result(trainer: FilaVideoTrainer) -> None:
    """Saves the trained model with its options for inference, and draws its merging weights."""
    stage, output = trainer.stage, Path(trainer.stage.output)
    model = trainer.accelerator.unwrap_model(trainer.model)
    if stage.lora is not None:
        trainer.model = model = model.merge_and_unload()
    for name, value in stage.inference_options.items():
        setattr(model.config, name, value)
    fit_processor(trainer.processing_class, model.config)
    trainer.save_model(str(output))
    if trainer.is_world_process_zero() and stage.learning_rates.get("scene_merging"):
        _draw_merging(output)
    trainer.save_state()  # comes last: this file marks the stage as finished


def _print_summary(trainer: FilaVideoTrainer) -> None:
    """Prints what will be trained on which data, and saves the stage's fields."""
    stage, output = trainer.stage, Path(trainer.stage.output)
    output.mkdir(parents=True, exist_ok=True)
    print(f"Stage {stage.name}: {stage.model} -> {stage.output}\n")
    model: Any = trainer.model
    print(table_of_parts(model, stage.learning_rates), end="\n\n")
    print(_describe_batches(trainer))
    if trainer.checkpoint is not None:
        print(f"Resumes from {trainer.checkpoint}, step {steps_done(trainer.checkpoint)}.")
        for change in changed_fields(stage, output / STAGE_FILE) if (output / STAGE_FILE).is_file() else ():
            print(f"  changed since then: {change}")
    save_stage(stage, output / STAGE_FILE)


def _describe_batches(trainer: FilaVideoTrainer) -> str:
    stage, arguments = trainer.stage, trainer.args
    split = (
        f"{arguments.world_size} processes x {arguments.gradient_accumulation_steps} accumulated x "
        f"{stage.micro_batch_size}"
    )
    batches = f"Batches of {stage.batch_size} samples ({split}), {'bf16' if arguments.bf16 else 'fp32'}."
    if trainer.sampler is None:
        return f"{batches} The data are streamed; {stage.max_steps} steps."
    sampler = trainer.sampler
    data: Any = trainer.train_dataset
    left_out = f"; {sampler.num_left_out} do not fill a batch" if sampler.num_left_out else ""
    return f"{batches} {len(data)} samples an epoch{left_out}."


def _draw_merging(output: Path) -> None:
    weight = read_merging_weight(output)
    if weight is not None:
        draw_merging_weights(weight, output / MERGING_PICTURE)
