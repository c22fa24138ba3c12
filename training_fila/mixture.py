"""Several sources as one data set: after each other, or mixed by ratios."""

from typing import Any

import numpy as np
import torch
from datasets import Dataset, IterableDataset, concatenate_datasets, interleave_datasets

from processing_fila import FilaVideoProcessor

from .batches import Key
from .data_config import DataConfig, check_data, most_frames
from .sources import load_source, stream_source


# Text of Qwen2's tokenizer, on average. For sorting by length only.
CHARACTERS_PER_TOKEN = 4


class TrainingDataset(torch.utils.data.Dataset):
    """
    Rows with the epoch they are taken in; nothing is decoded here.

    Attributes:
        modalities: image, video or text, of each row.
        lengths: (rows,) int64, tokens of each, estimated.
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

    def __getitem__(self, key: Key | int) -> dict[str, Any]:
        epoch, index = key if isinstance(key, tuple) else (0, key)
        return {**self._rows[index], "epoch": epoch}


def load_training_data(
    data: DataConfig, *, processor: FilaVideoProcessor, seed: int
) -> TrainingDataset | IterableDataset:
    """
    What a stage trains on.

    Args:
        seed: of the order in which sources with ratios are drawn from, and of streamed ones.

    Raises:
        `ValueError`: for values that do not fit, or a record that cannot be trained on.
        `OSError`: if a file cannot be read.

    Streamed data have no end: processes that reached theirs at different steps would wait for each other.
    """
    check_data(data)
    if data.streaming:
        sources = [stream_source(source, data) for source in data.sources]
        return _mix(sources, data, seed).repeat(None).shuffle(seed=seed, buffer_size=data.shuffle_buffer)
    rows = _mix([load_source(source, data) for source in data.sources], data, seed)
    return TrainingDataset(rows, tokens_of_media=_tokens_of_media(data, processor))


def _mix(sources: list, data: DataConfig, seed: int):
    ratios = np.array([source.ratio or 1.0 for source in data.sources])
    if len(sources) == 1:
        return sources[0]
    if data.sources[0].ratio is None:
        return concatenate_datasets(sources)
    if not data.streaming:
        # A rare source is seldom read to its end: what is taken of it must not be the beginning of its file.
        sources = [source.shuffle(seed=seed) for source in sources]
    return interleave_datasets(
        sources, probabilities=(ratios / ratios.sum()).tolist(), seed=seed, stopping_strategy=data.stopping
    )


def _tokens_of_media(data: DataConfig, processor: FilaVideoProcessor) -> dict[str, int]:
    """Visual tokens of a video with as many frames as may be asked for, and of an image without tiles."""
    num_frames = most_frames(data, processor.video_processor.num_frames)
    side = processor.image_processor.size["height"]
    return {
        "video": processor.num_video_tokens(num_frames),
        "image": processor.num_image_tokens((side, side), is_alone=False),
        "text": 0,
    }
