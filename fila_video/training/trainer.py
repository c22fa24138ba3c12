"""transformers' Trainer with a learning rate for each part, full global batches, and the loss of each modality."""

from typing import Any

import torch
from torch.utils.data import DataLoader, IterableDataset
from transformers import Trainer, TrainerCallback

from .data.batch_sampler import GlobalBatchSampler
from .data.question_packing import packed_attention_mask
from .data.skipped_samples import SkippedSamples
from .finite_training import FiniteLosses, check_weights
from .model.muon import MuonAndAdamW
from .model.trained_parts import parameter_groups
from .model.zero_gradients import add_zero_gradients
from .stage_config import StageConfig
from .training_metrics import TrainingMetrics


class FilaVideoTrainer(Trainer):
    """
    Trains a stage.

    Args:
        stage: The stage.
        skipped: Counts the samples that the collator could not use.
        kwargs: Arguments of transformers' Trainer: the model, the training arguments, the data set and the collator of
            the stage.

    Attributes:
        checkpoint: Folder of the checkpoint that training resumes from; None to train from the beginning.
    """

    checkpoint: str | None = None

    def __init__(self, *, stage: StageConfig, skipped: SkippedSamples, **kwargs):
        super().__init__(**kwargs)
        self.stage = stage
        self.skipped = skipped
        self.metrics = TrainingMetrics(self.accelerator)
        self.finite_losses = FiniteLosses(self.accelerator)
        self.add_callback(self.finite_losses)
        self.add_callback(skipped)
        self.sampler = None if isinstance(self.train_dataset, IterableDataset) else self._global_batches()
        if self.sampler is not None:
            self.add_callback(_SetEpochOfSampler(self.sampler))
        trained: Any = self.model
        add_zero_gradients((trained.get_base_model() if stage.lora is not None else trained).model)

    def create_optimizer(self, model=None) -> torch.optim.Optimizer:
        """Makes the optimizer with a learning rate for each part."""
        model = self.model if model is None else model
        if self.optimizer is None:  # type: ignore[has-type]
            optimizer_class, options = self.get_optimizer_cls_and_kwargs(self.args, model)
            groups = parameter_groups(
                model,
                self.stage.learning_rates,
                weight_decay=self.args.weight_decay,
                decayed=self.get_decay_parameter_names(model),
                optimizer=self.stage.optimizer,
            )
            if self.stage.optimizer == "muon":
                optimizer_class = MuonAndAdamW
            self.optimizer = optimizer_class(groups, **options)
        return self.optimizer

    def get_train_dataloader(self) -> DataLoader:
        """Makes the data loader: batches in the order of GlobalBatchSampler, or streamed samples as they come."""
        options: dict[str, Any] = {
            "collate_fn": self.data_collator,
            "num_workers": self.args.dataloader_num_workers,
            "pin_memory": self.args.dataloader_pin_memory and torch.cuda.is_available(),
            "persistent_workers": self.args.dataloader_persistent_workers,
            "prefetch_factor": self.args.dataloader_prefetch_factor,
        }
        if self.sampler is not None:
            batches: dict[str, Any] = {"batch_sampler": self.sampler}
        else:
            # datasets streams in its own threads. A forked worker would not have them and would wait forever.
            context = "spawn" if self.args.dataloader_num_workers else None
            batches = {
                "batch_size": self.stage.micro_batch_size,
                "drop_last": True,
                "multiprocessing_context": context,
            }
        dataset: Any = self.train_dataset
        return self.accelerator.prepare(DataLoader(dataset, **batches, **options))

    def _global_batches(self) -> GlobalBatchSampler:
        dataset: Any = self.train_dataset
        return GlobalBatchSampler(
            dataset.modalities,
            dataset.lengths,
            batch_size=self.stage.batch_size,
            micro_batch_size=self.stage.micro_batch_size,
            grouping=self.stage.data.grouping,
            seed=self.stage.seed,
        )

    def training_step(self, model, inputs: dict[str, Any], num_items_in_batch=None) -> torch.Tensor:
        """Trains on a micro batch and counts it."""
        self.skipped.add(inputs.pop("skipped"), inputs.pop("num_samples"))
        modality, num_frames = inputs.pop("modality"), inputs.pop("num_frames")
        inputs["use_cache"] = False  # no text is generated
        num_items_in_batch = num_items_in_batch.clamp(min=1)  # 0 if every sample of the step was skipped
        num_labels, num_tokens = inputs["labels"].ne(-100).sum(), inputs["attention_mask"].sum()
        self._mask_packed_questions(inputs)
        loss = super().training_step(model, inputs, num_items_in_batch)
        self.finite_losses.add(loss)
        loss_sum = loss * num_items_in_batch / self.accelerator.num_processes
        self.metrics.add(
            modality, loss_sum=loss_sum, num_labels=num_labels, num_tokens=num_tokens, num_frames=num_frames
        )
        return loss

    def _mask_packed_questions(self, inputs: dict[str, Any]) -> None:
        question_ids = inputs.pop("question_ids", None)
        if question_ids is not None:
            model: Any = self.model
            implementation = model.config.get_text_config()._attn_implementation
            inputs["attention_mask"] = packed_attention_mask(question_ids, implementation)

    def save_model(self, output_dir: str | None = None, _internal_call: bool = False) -> None:
        """Saves the model, as a checkpoint or as the result. Weights that are not finite are an error."""
        check_weights(self.model, self.accelerator, self.state.global_step)
        super().save_model(output_dir, _internal_call)

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Adds the metrics, the learning rates and the counts of skipped samples to a line of the log."""
        if "loss" in logs:
            logs |= self.metrics.read()
            logs |= {f"learning_rate/{part}": rate for part, rate in self._rates(logs["learning_rate"]).items()}
            logs |= {f"skipped/{kind}": count for kind, count in self.skipped.counts.items() if count}
        super().log(logs, start_time)

    def _rates(self, first_rate: float) -> dict[str, float]:
        """Learning rate of each part in the logged step, from that of the first group: all follow one schedule."""
        optimizer: Any = self.optimizer
        groups = optimizer.param_groups
        return {group["part"]: first_rate * group["initial_lr"] / groups[0]["initial_lr"] for group in groups}


class _SetEpochOfSampler(TrainerCallback):
    """Tells the sampler which epoch begins, also when training resumes."""

    def __init__(self, sampler: GlobalBatchSampler):
        self.sampler = sampler

    def on_epoch_begin(self, args, state, control, **kwargs):
        self.sampler.set_epoch(int(state.epoch or 0))
