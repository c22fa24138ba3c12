"""How long the videos of a dataset are, and how many words are said of them: Figure 3 and supplementary Table 1."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from processing_fila.video_reader import VideoReader

from .captions import read_answer
from .files import read_records, write_json, write_text


# Supplementary Table 1, the paper's own set.
PAPER = {"videos": 40_000, "mean_words": 4967, "mean_seconds": 666.9}
COLUMNS = (*PAPER, "total_hours", "scenes")


@dataclass(frozen=True)
class DatasetSummary:
    """One number for each video: `seconds`, `words` of all captions without the timestamps, `scenes`."""

    name: str
    seconds: list[float]
    words: list[int]
    scenes: list[int]

    @property
    def num_videos(self) -> int:
        return len(self.seconds)

    def to_dict(self) -> dict[str, Any]:
        """The numbers of the table; of nothing, all means are 0."""
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


def annotation_file(dataset: Path) -> Path:
    """`dataset` itself if it is a file, else its captions.jsonl or captions.json.

    Raises:
        FileNotFoundError: there is neither.
    """
    candidates = [dataset] if dataset.is_file() else [dataset / "captions.jsonl", dataset / "captions.json"]
    for path in candidates:
        if path.is_file():
            return path
    raise FileNotFoundError(f"{dataset} has neither captions.jsonl nor captions.json.")


def summarise(dataset: Path, video_root: Path | None = None) -> DatasetSummary:
    """
    Args:
        dataset: a folder made by `join`, or a .json or .jsonl file in LLaVA's format.
        video_root: where the videos are; by default the folder of the annotations. Read only where a record does not
            say how long its video is.
    """
    path = annotation_file(dataset)
    rows = [_measure(record, video_root or path.parent) for _, record in read_records(path)]
    seconds, words, scenes = (list(column) for column in zip(*rows, strict=True)) if rows else ([], [], [])
    return DatasetSummary((dataset.parent if dataset.is_file() else dataset).resolve().name, seconds, words, scenes)


def table(summary: DatasetSummary) -> str:
    """Markdown, with the paper's row below ours."""
    ours = summary.to_dict()
    hours = PAPER["videos"] * PAPER["mean_seconds"] / 3600
    rows = [
        ("dataset", "videos", "average words", "average duration (s)", "total duration (h)", "scenes"),
        ("---",) * 6,
        (summary.name, *(f"{ours[key]:,}" for key in COLUMNS)),
        ("the paper's", *(f"{value:,}" for value in PAPER.values()), f"{hours:,.0f}", "-"),
    ]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows) + "\n"


def write_statistics(summary: DatasetSummary, folder: Path) -> list[Path]:
    """Write the table (statistics.md), its numbers (statistics.json) and the two plots; their paths.

    Raises:
        ImportError: matplotlib is not installed.
    """
    from .plots import write_plots

    write_text(folder / "statistics.md", table(summary))
    write_json(folder / "statistics.json", summary.to_dict())
    return [folder / "statistics.md", folder / "statistics.json", *write_plots(summary, folder)]


def _measure(record: dict[str, Any], video_root: Path) -> tuple[float, int, int]:
    """Seconds, words and scenes of a record."""
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
    return math.fsum(values) / max(len(values), 1)
