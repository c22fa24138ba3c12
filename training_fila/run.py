"""Running a stage: everything it needs is built here, trained, and saved."""

from pathlib import Path

from .arguments import training_arguments
from .checkpoints import last_whole_checkpoint, steps_done
from .merging_weights import draw_merging_weights, read_merging_weight
from .mixture import load_training_data
from .model import fit_processor, load_model, load_processor
from .parts import table_of_parts
from .skipped_samples import SkippedSamples
from .skipping_collator import SkippingCollator
from .stage_config import StageConfig, changed_fields, save_stage
from .trainer import FilaVideoTrainer


STAGE_FILE = "stage.yaml"
MERGING_PICTURE = "merging_weights.png"


def run_stage(stage: StageConfig) -> FilaVideoTrainer:
    """
    Trains a stage, or goes on with it where `stage.output` has a checkpoint, and saves model and processor there.

    Returns:
        the trainer, with its log in `state.log_history`.
    """
    trainer = prepare(stage)
    train(trainer)
    return trainer


def prepare(stage: StageConfig) -> FilaVideoTrainer:
    """
    Everything that a stage needs, and on the screen what will be trained on what.

    Raises:
        `ValueError`: for a stage that cannot be run as it is written.
        `FileExistsError`: if it is finished already.
        `OSError`: for a model or data that cannot be read.
    """
    if steps_done(stage.output) is not None:
        raise FileExistsError(f"{stage.output} holds a finished stage: give another output, or remove it.")
    trainer = build_trainer(stage)
    if trainer.is_world_process_zero():
        _announce(trainer, last_whole_checkpoint(stage.output))
    return trainer


def train(trainer: FilaVideoTrainer) -> None:
    """Trains from the beginning or the last whole checkpoint, and saves the result."""
    checkpoint = last_whole_checkpoint(trainer.stage.output)
    trainer.train(resume_from_checkpoint=None if checkpoint is None else str(checkpoint))
    save_result(trainer)


def build_trainer(stage: StageConfig, **loading) -> FilaVideoTrainer:
    """
    The trainer of a stage, with its model, data and optimiser settings.

    Args:
        loading: for the model's `from_pretrained`, e.g. `distributed_config`.
    """
    arguments = training_arguments(stage)
    model = load_model(stage, **loading)
    processor = load_processor(stage, model)
    return FilaVideoTrainer(
        stage=stage,
        skipped=SkippedSamples(stage.data.unreadable_limit),
        model=model,
        args=arguments,
        train_dataset=load_training_data(stage.data, processor=processor, seed=stage.seed),
        data_collator=SkippingCollator.of_data(processor, stage.data, seed=stage.seed),
        processing_class=processor,
    )


def save_result(trainer: FilaVideoTrainer) -> None:
    """Saves the trained model with the options it is used with, and a picture of its merging weights."""
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
    trainer.save_state()  # last: it marks the stage as finished


def _announce(trainer: FilaVideoTrainer, checkpoint: Path | None) -> None:
    """Says what will be trained on what, before the first step."""
    stage, output = trainer.stage, Path(trainer.stage.output)
    output.mkdir(parents=True, exist_ok=True)
    print(f"Stage {stage.name}: {stage.model} -> {stage.output}\n")
    print(table_of_parts(trainer.model, stage.learning_rates), end="\n\n")
    print(_batches_in_words(trainer))
    if checkpoint is not None:
        print(f"Goes on from {checkpoint}, step {steps_done(checkpoint)}.")
        for change in changed_fields(stage, output / STAGE_FILE) if (output / STAGE_FILE).is_file() else ():
            print(f"  changed since: {change}")
    save_stage(stage, output / STAGE_FILE)


def _batches_in_words(trainer: FilaVideoTrainer) -> str:
    stage, arguments = trainer.stage, trainer.args
    split = (arguments.world_size, arguments.gradient_accumulation_steps, stage.micro_batch_size)
    split = "{} processes x {} accumulated x {}".format(*split)
    batches = f"Batches of {stage.batch_size} samples ({split}), {stage.precision}."
    if trainer.sampler is None:
        return f"{batches} Data is streamed, {stage.max_steps} steps."
    sampler, data = trainer.sampler, trainer.train_dataset
    left_out = f"; {sampler.num_left_out} do not fill a batch" if sampler.num_left_out else ""
    return f"{batches} {len(data)} samples an epoch{left_out}."


def _draw_merging(output: Path) -> None:
    weight = read_merging_weight(output)
    if weight is not None:
        draw_merging_weights(weight, output / MERGING_PICTURE)
