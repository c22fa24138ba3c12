"""Reads files of records as Hugging Face data sets, which are memory-mapped or streamed."""

import inspect
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec
import numpy as np
import torch.distributed as dist
from datasets import Dataset, IterableDataset
from datasets.exceptions import DatasetGenerationError

from .caption_template import as_caption
from .data_config import DataConfig, SourceConfig
from .question_packing import check_chat
from .records import RecordError, chat_of


# The source code that makes rows is part of the cache's key: datasets looks only at the arguments of a generator, not
# at the functions that it calls.
ROW_CODE = "".join(inspect.getsource(sys.modules[maker.__module__]) for maker in (chat_of, as_caption, check_chat))


def name_of_source(source: SourceConfig) -> str:
    """Name of a source in logs and rows."""
    return source.name or Path(source.path).stem


def num_frames_of_sources(data: DataConfig) -> dict[str, int | list[int]]:
    """
    Collects the `num_frames` of the sources that have their own, by the source's name.

    Raises:
        ValueError: If two sources have the same name and different numbers.
    """
    found: dict[str, int | list[int] | None] = {}
    for source in data.sources:
        name = name_of_source(source)
        if (other := found.setdefault(name, source.num_frames)) != source.num_frames:
            numbers = f"num_frames={other} and {source.num_frames}"
            raise ValueError(
                f"data.sources: two sources are called {name!r} and have {numbers}; give them different names."
            )
    return {name: number for name, number in found.items() if number is not None}


def load_source(source: SourceConfig, data: DataConfig) -> Dataset:
    """
    Reads the rows of a file once and maps them into memory.

    Args:
        source: The file.
        data: The `data` section that the source is in.

    Returns:
        Rows with `id`, `source`, `modality`, `messages` (JSON), `num_characters` and `num_media`.

    Raises:
        RecordError: If a record cannot be used for training; it names the record.
        ValueError: If the file has fewer records than `source.max_samples`.
        OSError: If the file cannot be read.
    """
    file = Path(source.path)
    state = file.stat() if file.is_file() else None
    version = (state.st_size, state.st_mtime_ns) if state else None
    # A file that has changed is read again. After a change of the code, every file is read again.
    arguments = {**_arguments(source, data), "version": (version, ROW_CODE)}
    try:
        rows = Dataset.from_generator(_rows, gen_kwargs=arguments)
    except DatasetGenerationError as error:
        raise (error.__cause__ or error) from None
    return _subset(rows, source, data)


def stream_source(source: SourceConfig, data: DataConfig) -> IterableDataset:
    """
    Reads the same rows while training runs.

    Every worker of every process reads the whole file and takes its share of the records. `source.max_samples` takes
    the first records.

    Raises:
        ValueError: If there are fewer samples than workers. If the file itself has fewer, the error comes when the file
            is read.
    """
    parts = list(range(max(data.workers, 1) * _num_processes()))
    if source.max_samples is not None and source.max_samples < len(parts):
        raise ValueError(
            f"{source.path}: max_samples={source.max_samples} leaves no sample for some of {len(parts)} workers."
        )
    rows = IterableDataset.from_generator(
        _rows, gen_kwargs={**_arguments(source, data), "parts": parts, "num_parts": len(parts)}
    )
    return rows if source.max_samples is None else rows.take(source.max_samples)


def read_records(path: str) -> Iterator[dict[str, Any]]:
    """
    Reads the records of a JSON file or of a file of JSON lines.

    Raises:
        RecordError: If the file is neither; it names the line.
    """
    with fsspec.open(path, "rb") as file:
        if Path(path).suffix != ".json":
            for number, line in enumerate(file, start=1):
                if line.strip():
                    yield _parse(line, f"{path}, line {number}")
            return
        records = _parse(file.read(), path)
    if not isinstance(records, list):
        raise RecordError(f"{path} does not contain a list of records.")
    yield from records


def _parse(text: bytes, name: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:  # a ValueError also for bytes that are not UTF-8
        raise RecordError(f"{name}: {error}") from error


def _num_processes() -> int:
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


def _arguments(source: SourceConfig, data: DataConfig) -> dict[str, Any]:
    return {
        "path": source.path,
        "folder": source.media or source.path.rpartition("/")[0] or ".",
        "name": name_of_source(source),
        "template": data.template,
        "questions": data.questions,
    }


def _rows(
    path: str, folder: str, name: str, template: str, questions: str, parts=(0,), num_parts: int = 1, version=None
) -> Iterator[dict[str, Any]]:
    number = 0
    for number, record in enumerate(read_records(path), start=1):
        if number % num_parts not in parts:
            continue
        row = chat_of(record, folder=folder, source=name, template=template, number=number)
        if questions == "separate":
            _check_questions(row)
        contents = [part for message in row["messages"] for part in message["content"]]
        yield {
            **row,
            "messages": json.dumps(row["messages"]),
            "num_characters": sum(len(part.get("text", "")) for part in contents),
            "num_media": sum(part["type"] != "text" for part in contents),
        }
    if number < num_parts:
        raise RecordError(f"{path} has {number} records; training needs at least {num_parts}, one for each reader.")


def _check_questions(row: dict[str, Any]) -> None:
    try:
        check_chat(row["messages"])
    except ValueError as error:
        raise RecordError(f"{row['source']}: record {row['id']!r:.80}: {error}") from error


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
