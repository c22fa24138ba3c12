"""Checks before training that each source has samples that can be read: a wrong folder would skip every sample."""

from collections.abc import Callable, Iterable, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from datasets import Dataset, IterableDataset

from .data_config import SourceConfig
from .load_sample import UnreadableSampleError


# Number of samples of a source that are tried until one can be read.
MOST_TRIED = 16


def check_folder(source: SourceConfig) -> None:
    """
    Checks that the folder of a source's media exists, unless it is a URL.

    Raises:
        FileNotFoundError: If there is no such folder.
    """
    if source.media is not None and "://" not in source.media and not Path(source.media).is_dir():
        raise FileNotFoundError(f"media={source.media} of the source {source.path}: there is no such folder.")


def check_readable(
    source: SourceConfig, rows: Dataset | IterableDataset, load: Callable[[Mapping[str, Any]], Any]
) -> None:
    """
    Reads samples of a source until one can be read.

    Args:
        source: The source.
        rows: Its rows. Of a data set in memory, samples from the beginning to the end are tried; of a stream, the first
            ones.
        load: Reads the media of a row.

    Raises:
        ValueError: If none of them can be read; the message has the cause for the last one.
    """
    causes = []
    for row in _some_of(rows):
        try:
            load(row)
        except UnreadableSampleError as error:
            causes.append(error)
        else:
            return
    raise ValueError(
        f"{source.path}: none of {len(causes)} samples that were tried can be read, with media="
        f"{source.media or 'null'}. The last one: {causes[-1] if causes else 'there are no samples'}"
    )


def _some_of(rows: Dataset | IterableDataset) -> Iterable[Mapping[str, Any]]:
    if isinstance(rows, IterableDataset):
        return islice(rows, MOST_TRIED)
    places: Any = np.unique(np.linspace(0, len(rows) - 1, MOST_TRIED).round().astype(int)) if len(rows) else []
    return (rows[int(place)] for place in places)
