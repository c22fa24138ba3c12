"""transformers' Trainer with a learning rate for each part, whole global batches, and a log for each modality."""

from typing import Any

import torch
from torch.utils.data import DataLoader, IterableDataset
from transformers import Trainer, TrainerCallback

from .batches import GlobalBatchSampler
from .meter import TrainingMeter
from .muon import MuonAndAdamW
from .parts import parameter_groups
from .separate_questions import attention_of_questions
from .skipped_samples import SkippedSamples
from .stage_config import StageConfig
from .unused_parts import involve_unused_parts


class FilaVideoTrainer(Trainer):
    """
    Trains a stage.

    Args:
        stage: what is trained how; `kwargs` has the model, the arguments, the data set and the collator made for it.
        skipped: counts what the collator could not use.
    """

    def __init__(self, *, stage: StageConfig, skipped: SkippedSamples, **kwargs):
        super().__init__(**kwargs)
        self.stage = stage
        self.skipped = skipped
        self.meter = TrainingMeter(self.accelerator)
        self.add_callback(skipped)
        self.sampler = None if isinstance(self.train_dataset, IterableDataset) else self._global_batches()
        if self.sampler is not None:
            self.add_callback(_EpochOfSampler(self.sampler))
        model = self.model.get_base_model() if stage.lora is not None else self.model
        involve_unused_parts(model.model)

    def create_optimizer(self, model=None) -> torch.optim.Optimizer:
        model = self.model if model is None else model
        if self.optimizer is None:
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
        """Batches in the order of GlobalBatchSampler; of streamed data, in the order they come."""
        options = {
            "collate_fn": self.data_collator,
            "num_workers": self.args.dataloader_num_workers,
            "pin_memory": self.args.dataloader_pin_memory and torch.cuda.is_available(),
            "persistent_workers": self.args.dataloader_persistent_workers,
            "prefetch_factor": self.args.dataloader_prefetch_factor,
        }
        if self.sampler is not None:
            batches = {"batch_sampler": self.sampler}
        else:
            # datasets streams through threads of its own, which a forked worker would wait for in vain.
            context = "spawn" if self.args.dataloader_num_workers else None
            batches = {
                "batch_size": self.stage.micro_batch_size,
                "drop_last": True,
                "multiprocessing_context": context,
            }
        return self.accelerator.prepare(DataLoader(self.train_dataset, **batches, **options))

    def _global_batches(self) -> GlobalBatchSampler:
        return GlobalBatchSampler(
            self.train_dataset.modalities,
            self.train_dataset.lengths,
            batch_size=self.stage.batch_size,
            micro_batch_size=self.stage.micro_batch_size,
            grouping=self.stage.data.grouping,
            seed=self.stage.seed,
        )

    def training_step(self, model, inputs: dict[str, Any], num_items_in_batch=None) -> torch.Tensor:
        self.skipped.add(inputs.pop("skipped"))
        modality, num_frames = inputs.pop("modality"), inputs.pop("num_frames")
        inputs["use_cache"] = False  # nothing is generated
        num_items_in_batch = num_items_in_batch.clamp(min=1)  # where every sample of a step was skipped
        num_labels, num_tokens = inputs["labels"].ne(-100).sum(), inputs["attention_mask"].sum()
        self._separate_questions(inputs)
        loss = super().training_step(model, inputs, num_items_in_batch)
        loss_sum = loss * num_items_in_batch / self.accelerator.num_processes
        self.meter.add(modality, loss_sum=loss_sum, num_labels=num_labels, num_tokens=num_tokens, num_frames=num_frames)
        return loss

    def _separate_questions(self, inputs: dict[str, Any]) -> None:
        question_ids = inputs.pop("question_ids", None)
        if question_ids is not None:
            implementation = self.model.config.get_text_config()._attn_implementation
            inputs["attention_mask"] = attention_of_questions(question_ids, implementation)

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        if "loss" in logs:
            logs |= self.meter.read()
            logs |= {f"learning_rate/{part}": rate for part, rate in self._rates(logs["learning_rate"]).items()}
            logs |= {f"skipped/{kind}": count for kind, count in self.skipped.counts.items() if count}
        super().log(logs, start_time)

    def _rates(self, first_rate: float) -> dict[str, float]:
        """The rate of each part in the step that is logged, from that of the first group: all follow one schedule."""
        groups = self.optimizer.param_groups
        return {group["part"]: first_rate * group["initial_lr"] / groups[0]["initial_lr"] for group in groups}


class _EpochOfSampler(TrainerCallback):
    """Tells a sampler which epoch begins, on resuming too."""

    def __init__(self, sampler: GlobalBatchSampler):
        self.sampler = sampler

    def on_epoch_begin(self, args, state, control, **kwargs):
        self.sampler.set_epoch(int(state.epoch or 0))
