"""The collator of a stage: it leaves out samples that cannot be used and reports them with the batch."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from processing_fila import FilaVideoProcessor

from .collator import IGNORED, FilaVideoCollator, TooLongError
from .data_config import DataConfig
from .load_sample import FrameRates, LoadedSample, UnreadableSampleError
from .sources import num_frames_of_sources


class SkippingCollator(FilaVideoCollator):
    """
    Makes batches of the samples that can be used.

    A batch also has `num_samples` (with those that were left out), `skipped` (a list of `id`, `source`, `kind`,
    `cause`), `modality` (image, video, text or mixed) and `num_frames` (of all its videos). If no sample can be used,
    the batch is one row of two tokens without labels.

    Args:
        processor: Processor of the model that is trained.
        too_long: What happens to samples longer than `max_length`: `"error"` ends the run, `"drop"` leaves them out.
        kwargs: Arguments of FilaVideoCollator.
    """

    def __init__(self, processor: FilaVideoProcessor, *, too_long: str = "error", **kwargs):
        super().__init__(processor, **kwargs)
        self.too_long = too_long

    @classmethod
    def of_data(cls, processor: FilaVideoProcessor, data: DataConfig, *, seed: int) -> "SkippingCollator":
        """Makes the collator that the `data` section of a stage describes."""
        return cls(
            processor,
            template=data.template,
            label_turn_markers=data.label_turn_markers,
            rates=FrameRates(data.num_frames, data.fps, data.max_frames, seed, num_frames_of_sources(data)),
            timestamps=data.timestamps,
            max_length=data.max_length,
            questions=data.questions,
            too_long=data.too_long,
        )

    def __call__(self, samples: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        skipped: list[dict[str, str]] = []
        readable = self._load_readable(samples, skipped)
        batch, usable = self._encode_fitting(readable, skipped)
        modalities = {sample["modality"] for sample, _ in usable} or {"text"}
        return {
            **batch,
            "num_samples": len(samples),
            "skipped": skipped,
            "modality": modalities.pop() if len(modalities) == 1 else "mixed",
            "num_frames": sum(loaded.num_frames for _, loaded in usable),
        }

    def _load_readable(self, samples, skipped) -> list[tuple[Mapping[str, Any], LoadedSample]]:
        usable = []
        for sample in samples:
            try:
                usable.append((sample, self.load(sample)))
            except UnreadableSampleError as error:
                skipped.append(_report(sample, "unreadable", error))
        return usable

    def _encode_fitting(self, usable, skipped) -> tuple[dict[str, torch.Tensor], list]:
        if not usable:
            return self._empty_batch(), []
        try:
            return self.encode([loaded for _, loaded in usable]), usable
        except TooLongError as error:
            if self.too_long == "error":
                raise
            skipped.extend(_report(usable[place][0], "too_long", error) for place in error.places)
            fitting = [pair for place, pair in enumerate(usable) if place not in error.places]
            return self._encode_fitting(fitting, skipped)

    def _empty_batch(self) -> dict[str, torch.Tensor]:
        ids = torch.full((1, 2), self.processor.tokenizer.pad_token_id)
        return {
            "input_ids": ids,
            "attention_mask": torch.ones_like(ids),
            "labels": torch.full_like(ids, IGNORED),
        }


def _report(sample: Mapping[str, Any], kind: str, error: Exception) -> dict[str, str]:
    return {"id": str(sample["id"]), "source": str(sample["source"]), "kind": kind, "cause": str(error)}
