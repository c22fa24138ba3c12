"""Answers a list of requests, one after the other. A video that several requests in a row name is encoded once."""

from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

from fila_video.common.files import read_records

from .runner import OnnxVideoAnswerer


def read_requests(path: Path) -> Iterator[dict[str, str]]:
    """Yields requests from JSON lines with `video` and `question`.

    Raises:
        ValueError: If a line is not such a request. The message names its number.
    """
    for number, record in read_records(path):
        if not all(isinstance(record.get(name), str) for name in ("video", "question")):
            raise ValueError(f"{path}, line {number} needs the texts `video` and `question`: {str(record)[:80]!r}.")
        yield record


def answer_requests(
    folder: Path, requests: Iterable[dict[str, str]], *, timestamps: str | None = None
) -> Iterator[dict[str, Any]]:
    """Yields `video`, `question`, `answer` and `scene_seconds` for each request, or `error` instead of the last two.

    Args:
        folder: Folder that `export_model` wrote.
        requests: Dictionaries with `video`, a path or URL, and `question`.
        timestamps: How the prompt states times.
    """
    answerer = OnnxVideoAnswerer(folder)
    encode = lru_cache(maxsize=1)(answerer.encode)  # the last video
    for request in requests:
        try:
            video = encode(request["video"])
            answer = answerer.answer(video, request["question"], timestamps=timestamps)
        except (OSError, ValueError) as error:
            yield {**request, "error": str(error)}
        else:
            scenes = [scene["representative_seconds"] for scene in answerer.scenes(video)]
            yield {**request, "answer": answer, "scene_seconds": scenes}
