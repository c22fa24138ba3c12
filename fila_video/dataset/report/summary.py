"""Summarizes the lengths of videos and captions, as in Figure 3 and supplementary Table 1 of the paper."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fila_video.common.files import read_records
from fila_video.common.tables import markdown_table
from processing_fila.reader import VideoReader

from ..annotations.captions import read_answer
from ..annotations.samples import find_annotations


# The paper's own dataset (supplementary Table 1).
PAPER = {"videos": 40_000, "mean_words": 4967, "mean_seconds": 666.9}
COLUMNS = (*PAPER, "total_hours", "scenes")


@dataclass(frozen=True)
class DatasetSummary:
    """Measurements of the records of a dataset.

    Args:
        name: Name of the dataset's folder.
        seconds: Length of each video.
        words: Number of words in the captions of each video, without the timestamps.
        scenes: Number of scenes of each video.
    """

    name: str
    seconds: list[float]
    words: list[int]
    scenes: list[int]

    @property
    def num_videos(self) -> int:
        return len(self.seconds)

    def to_dict(self) -> dict[str, Any]:
        """Returns the numbers of the table. For an empty dataset, all means are 0."""
        count = max(self.num_videos, 1)
        return {
            "videos": self.num_videos,
            "scenes": sum(self.scenes),
            "mean_words": round(sum(self.words) / count, 1),
            "mean_seconds": round(math.fsum(self.seconds) / count, 1),
            "min_seconds": round(min(self.seconds, default=0), 1),
            "max_seconds": round(max(self.seconds, default=0), 1),
            "total_hours": round(math.fsum(self.seconds) / 3600, 2),
        }


def summarize(dataset: Path, video_root: Path | None = None) -> DatasetSummary:
    """Measures every record of a dataset.

    Args:
        dataset: Folder that `join` made, or a .json or .jsonl file in LLaVA's format.
        video_root: Folder that the paths of the videos start from; by default the folder of the annotations. A video
            is opened only if its record does not state its duration.
    """
    path = find_annotations(dataset)
    rows = [_measure(record, video_root or path.parent) for _, record in read_records(path)]
    return DatasetSummary(
        name=(dataset.parent if dataset.is_file() else dataset).resolve().name,
        seconds=[seconds for seconds, _, _ in rows],
        words=[words for _, words, _ in rows],
        scenes=[scenes for _, _, scenes in rows],
    )


def summary_table(summary: DatasetSummary) -> str:
    """Formats a Markdown table with a row for the dataset and a row for the paper's dataset."""
    ours = summary.to_dict()
    hours = PAPER["videos"] * PAPER["mean_seconds"] / 3600
    headers = ("dataset", "videos", "average words", "average duration (s)", "total duration (h)", "scenes")
    rows = [
        (summary.name, *(f"{ours[key]:,}" for key in COLUMNS)),
        ("the paper's", *(f"{value:,}" for value in PAPER.values()), f"{hours:,.0f}", "-"),
    ]
    return markdown_table(headers, rows) + "\n"


def _measure(record: dict[str, Any], video_root: Path) -> tuple[float, int, int]:
    """Returns the seconds, the words and the scenes of a record."""
    seconds = record.get("duration")
    if seconds is None:
        with VideoReader(video_root / record["video"]) as reader:
            seconds = reader.duration_seconds
    captions = list(_captions(record))
    return seconds, sum(len(caption.split()) for caption in captions), len(captions)


def _captions(record: dict[str, Any]) -> Iterator[str]:
    if "scenes" in record:
        yield from (scene["caption"] for scene in record["scenes"])
        return
    for turn in record["conversations"]:
        if turn["from"] == "gpt":
            yield from [caption for *_, caption in read_answer(turn["value"])] or [turn["value"]]


def mean(values: Sequence[float]) -> float:
    """Returns the mean, or 0 if there are no values."""
    return math.fsum(values) / max(len(values), 1)
