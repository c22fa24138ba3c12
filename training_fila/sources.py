"""Files of records as Hugging Face data sets: memory-mapped, or streamed."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec
import numpy as np
from datasets import Dataset, IterableDataset
from datasets.exceptions import DatasetGenerationError

from .data_config import DataConfig, SourceConfig
from .records import RecordError, chat_of


def load_source(source: SourceConfig, data: DataConfig) -> Dataset:
    """
    The rows of a file, read once and then mapped into memory: `id`, `source`, `modality`, `messages` (JSON),
    `num_characters` and `num_media`.

    Raises:
        `RecordError`: for a record that cannot be trained on, by its id.
        `ValueError`: for fewer records than `source.max_samples`.
        `OSError`: if the file cannot be read.
    """
    file = Path(source.path)
    state = file.stat() if file.is_file() else None
    version = (state.st_size, state.st_mtime_ns) if state else None  # a changed file is read again
    try:
        rows = Dataset.from_generator(_rows, gen_kwargs={**_arguments(source, data), "version": version})
    except DatasetGenerationError as error:
        raise (error.__cause__ or error) from None
    return _subset(rows, source, data)


def stream_source(source: SourceConfig, data: DataConfig) -> IterableDataset:
    """The same rows, read while training. Every worker reads the file and takes its part of the records."""
    parts = list(range(max(data.workers, 1)))
    rows = IterableDataset.from_generator(
        _rows, gen_kwargs={**_arguments(source, data), "parts": parts, "num_parts": len(parts)}
    )
    return rows if source.max_samples is None else rows.take(source.max_samples)


def read_records(path: str) -> Iterator[dict[str, Any]]:
    """
    The records of a JSON file, or of JSON lines.

    Raises:
        `RecordError`: if it holds neither, with the line.
    """
    with fsspec.open(path, "rt", encoding="utf-8") as file:
        if Path(path).suffix == ".json":
            records = json.load(file)
            if not isinstance(records, list):
                raise RecordError(f"{path} holds no list of records.")
            yield from records
            return
        for number, line in enumerate(file, start=1):
            try:
                yield json.loads(line)
            except ValueError as error:
                raise RecordError(f"{path}, line {number}: {error}") from error


def _arguments(source: SourceConfig, data: DataConfig) -> dict[str, Any]:
    return {
        "path": source.path,
        "folder": source.media or source.path.rpartition("/")[0] or ".",
        "name": source.name or Path(source.path).stem,
        "template": data.template,
    }


def _rows(
    path: str, folder: str, name: str, template: str, parts=(0,), num_parts: int = 1, version=None
) -> Iterator[dict[str, Any]]:
    for number, record in enumerate(read_records(path)):
        if number % num_parts not in parts:
            continue
        row = chat_of(record, folder=folder, source=name, template=template)
        contents = [part for message in row["messages"] for part in message["content"]]
        yield {
            **row,
            "messages": json.dumps(row["messages"]),
            "num_characters": sum(len(part.get("text", "")) for part in contents),
            "num_media": sum(part["type"] != "text" for part in contents),
        }


def _subset(rows: Dataset, source: SourceConfig, data: DataConfig) -> Dataset:
    size = len(rows) if data.share is None else round(len(rows) * data.share)
    if source.max_samples is not None:
        if source.max_samples > size:
            raise ValueError(f"{source.path} has {size} samples, fewer than max_samples={source.max_samples}.")
        size = source.max_samples
    if size == len(rows):
        return rows
    chosen = np.random.default_rng(data.subset_seed).permutation(len(rows))[:size]
    return rows.select(np.sort(chosen))
