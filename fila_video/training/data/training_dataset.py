"""Several sources as one data set: one after the other, or mixed by ratios."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from datasets import Dataset, IterableDataset, concatenate_datasets, interleave_datasets

from processing_fila import FilaVideoProcessor

from .batch_sampler import SampleKey
from .data_config import DataConfig, check_data, most_frames
from .source_check import check_folder, check_readable
from .sources import load_source, stream_source


# Average of Qwen2's tokenizer. Used only to sort samples by length.
CHARACTERS_PER_TOKEN = 4


class TrainingDataset(torch.utils.data.Dataset):
    """
    Rows of the sources, each with the epoch in which it is taken. No media are decoded here.

    Args:
        rows: Rows as `load_source` makes them.
        tokens_of_media: Estimated number of tokens of one media file of each modality.

    Attributes:
        modalities: Modality of each row: image, video or text.
        lengths: Estimated number of tokens of each row, int64 `(rows,)`.
    """

    def __init__(self, rows: Dataset, *, tokens_of_media: dict[str, int]):
        self._rows = rows
        self.modalities = np.asarray(rows["modality"])
        media = np.array([tokens_of_media[modality] for modality in self.modalities], dtype=np.int64)
        self.lengths = np.asarray(rows["num_characters"]) // CHARACTERS_PER_TOKEN + media * np.asarray(
            rows["num_media"]
        )

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, key: SampleKey | int) -> dict[str, Any]:
        epoch, index = key if isinstance(key, tuple) else (0, key)
        return {**self._rows[index], "epoch": epoch}


def load_training_data(
    data: DataConfig,
    *,
    processor: FilaVideoProcessor,
    seed: int,
    load: Callable[[Mapping[str, Any]], Any] | None = None,
) -> TrainingDataset | IterableDataset:
    """
    Loads the data of a stage.

    Streamed data never end. If they did, processes that reach the end at different steps would wait for each other.

    Args:
        data: The `data` section of a stage.
        processor: Processor of the model, for the lengths of visual input.
        seed: Random seed of the mixture of sources with ratios, and of the order of streamed samples.
        load: Reads the media of a row. With it, every source must have a sample that can be read.

    Raises:
        ValueError: For values that contradict each other, for a record that cannot be used for training, and for a
            source whose media cannot be read.
        OSError: If a file cannot be read, or a folder of media does not exist.
    """
    check_data(data)
    for source in data.sources:
        check_folder(source)
    read_source = stream_source if data.streaming else load_source
    sources: list[Any] = [read_source(source, data) for source in data.sources]
    if load is not None:
        for source, rows in zip(data.sources, sources, strict=True):
            check_readable(source, rows, load)
    if data.streaming:
        return _mix(sources, data, seed).repeat(None).shuffle(seed=seed, buffer_size=data.shuffle_buffer)
    return TrainingDataset(_mix(sources, data, seed), tokens_of_media=_tokens_of_media(data, processor))


def _mix(sources: list, data: DataConfig, seed: int):
    ratios = np.array([source.ratio or 1.0 for source in data.sources])
    if len(sources) == 1:
        return sources[0]
    if data.sources[0].ratio is None:
        return concatenate_datasets(sources)
    if not data.streaming:
        # Only a part of a rare source is used in an epoch. Shuffled, it is not always the beginning of the file.
        sources = [source.shuffle(seed=seed) for source in sources]
    return interleave_datasets(
        sources, probabilities=(ratios / ratios.sum()).tolist(), seed=seed, stopping_strategy=data.stopping
    )


def _tokens_of_media(data: DataConfig, processor: FilaVideoProcessor) -> dict[str, int]:
    """Numbers of visual tokens: of a video with the largest number of frames, and of an image without tiles."""
    num_frames = most_frames(data, processor.video_processor.num_frames)
    side = processor.image_processor.size["height"]
    return {
        "video": processor.num_video_tokens(num_frames),
        "image": processor.num_image_tokens((side, side), is_alone=False),
        "text": 0,
    }
