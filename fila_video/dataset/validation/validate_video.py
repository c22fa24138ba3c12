"""Checks a video, and what its records say about it."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from fila_video.common.files import sha256_of_file
from processing_fila.reader import VideoReader, VideoReadError

from ..annotations.captions import read_answer
from ..clips.open_clip import CLIP_ERRORS, clip_path
from ..clips.probe import count_readable
from ..joining.check_video import ScenePlaceError, check_boundaries, check_decodable, check_length, frame_length


# The times in the text are rounded to two decimals, those of the scenes to six.
TEXT_TOLERANCE_SECONDS = 0.005
SCENE_TOLERANCE_SECONDS = 0.001


@dataclass(frozen=True)
class ValidationTask:
    """A video, and all records about it.

    Args:
        video: Path of the video below the video root.
        video_root: Folder that the path starts from.
        records: Each record with its name in the report.
        decode: "boundaries" or "all": see `validate_dataset`.
    """

    video: str
    video_root: str
    records: tuple[tuple[str, dict[str, Any]], ...]
    decode: str

    @property
    def path(self) -> Path:
        """Path of the video. Raises `BadClipError` if it leads out of the video root."""
        return clip_path(self.video_root, self.video)


def validate_video(task: ValidationTask) -> dict[str, Any]:
    """Checks a video and its records.

    Returns:
        `problems`: one line each; `manifest`: the entry of the video in the manifest.
    """
    manifest: dict[str, Any] = {"video": task.video, "seconds": None, "num_frames": None, "sha256": None}
    problems: list[str] = []
    try:
        with VideoReader(task.path, num_decoders=1) as reader:
            manifest |= {"seconds": reader.duration_seconds, "num_frames": reader.num_frames}
            manifest["sha256"] = sha256_of_file(task.path)
            if task.decode == "all":
                problems += _picture_problems(task.video, reader)
            for name, record in task.records:
                problems += [f"{name}: {problem}" for problem in _time_problems(record, reader)]
    except CLIP_ERRORS as error:
        problems += [f"{name}: {error}" for name, _ in task.records]
    return {"problems": problems, "manifest": manifest}


def _picture_problems(video: str, reader: VideoReader) -> list[str]:
    lost = reader.num_frames - count_readable(reader)
    return [f"{video}: {lost} of {reader.num_frames} frames cannot be decoded"] if lost else []


def _time_problems(record: dict[str, Any], reader: VideoReader) -> Iterator[str]:
    """Compares the times of a record with its video."""
    scenes = record.get("scenes") or []
    in_text = read_answer(record["conversations"][1]["value"])
    try:
        if record.get("duration") is not None:
            check_length(reader, record["duration"])
        starts = [scene["start"] for scene in scenes] or [start for start, *_ in in_text] or [0.0]
        # Other programs may round times in another way, so they may differ by the length of a frame.
        tolerance = frame_length(reader)
        check_decodable(reader, np.unique(check_boundaries(reader, starts, tolerance)))
    except (ScenePlaceError, VideoReadError) as error:
        yield str(error)
    spans = [(scene["start"], scene["end"]) for scene in scenes]
    spans_in_text = [(start, end) for start, end, _ in in_text]
    yield from _order_problems(spans, reader, SCENE_TOLERANCE_SECONDS)
    yield from _order_problems(spans_in_text, reader, TEXT_TOLERANCE_SECONDS)
    if scenes and [(round(start, 2), round(end, 2)) for start, end in spans] != spans_in_text:
        yield "the times in the text are not the times of the scenes"


def _order_problems(spans: list[tuple[float, float]], reader: VideoReader, tolerance: float) -> Iterator[str]:
    """Checks that the spans follow each other and lie inside the video. All times are in seconds."""
    last = 0.0
    for place, (start, end) in enumerate(spans):
        if end <= start:
            yield f"scene {place} ends at {end} s, which is not after its start at {start} s"
        if start < last - tolerance:
            yield f"scene {place} starts at {start} s, before the end of the previous scene at {last} s"
        if end > reader.duration_seconds + frame_length(reader) + tolerance:
            yield f"scene {place} ends at {end} s, after the end of the video at {reader.duration_seconds:.3f} s"
        last = end
