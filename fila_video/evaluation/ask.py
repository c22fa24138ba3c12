"""Asks a model the questions about a folder of drawn videos, through the pipeline as a user would, and judges them."""

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from fila_video.world.judge_answer import is_correct

from .scores import Answered


MAX_NEW_TOKENS = 96  # the longest caption of the usual world has about 70


def ask_split(
    pipe: Callable,
    folder: Path,
    *,
    batch_size: int = 16,
    max_questions: int | None = None,
    only_about_events: bool = False,
    types: Sequence[str] | None = None,
    subtitles: bool = False,
    **options: Any,
) -> Iterator[Answered]:
    """
    Asks the questions of a folder and yields the answers one by one.

    Args:
        pipe: A `video-text-to-text` pipeline.
        folder: Folder that `make_data` wrote.
        batch_size: Number of questions in a batch.
        max_questions: Ask only this number of questions, the first ones. They include all types, because the first
            questions about each video do.
        only_about_events: Ask only questions whose answer depends on a short event.
        types: Ask only questions of these types. Default: all types.
        subtitles: Whether the model reads the subtitles of the videos.
        options: Options of the pipeline, for example `num_frames`.

    Raises:
        OSError: If the folder or a video cannot be read.
        ValueError: If the videos are to have subtitles, and the folder has none.
    """
    asked = [pair for pair in _questions_of(folder) if pair[1]["is_about_event"] or not only_about_events]
    asked = [pair for pair in asked if types is None or pair[1]["type"] in types][:max_questions]
    prompts = [_prompt(folder, video, question["text"], subtitles=subtitles) for video, question in asked]
    # One call per batch: the pipeline holds the frames of all prompts of a call in memory.
    for start in range(0, len(asked), batch_size):
        answers = pipe(
            prompts[start : start + batch_size], batch_size=batch_size, max_new_tokens=MAX_NEW_TOKENS, **options
        )
        for (video, question), answer in zip(asked[start : start + batch_size], answers, strict=True):
            yield _judged(video, question, _text_of(answer))


def _questions_of(folder: Path) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Each line of `truth.jsonl` with each of its questions."""
    with (folder / "truth.jsonl").open(encoding="utf-8") as lines:
        for line in lines:
            video = json.loads(line)
            for question in video["questions"]:
                yield video, question


def _prompt(folder: Path, video: dict[str, Any], text: str, *, subtitles: bool) -> Any:
    path = str(folder / video["video"])
    if not subtitles:
        return {"video": path, "text": text}
    if "subtitles" not in video:
        raise ValueError(f"{folder} has no subtitles: draw the videos with --spoken-questions.")
    part = {"type": "video", "video": path, "subtitles": str(folder / video["subtitles"])}
    return [{"role": "user", "content": [part, {"type": "text", "text": text}]}]


def _text_of(answer: Any) -> str:
    """The answer's text. For a list of prompts, the pipeline returns a list with one answer for each of them."""
    return (answer[0] if isinstance(answer, list) else answer)["generated_text"].strip()


def _judged(video: dict[str, Any], question: dict[str, Any], given: str) -> Answered:
    duration_seconds = video["truth"]["duration_seconds"]
    return Answered(
        video=video["video"],
        type=question["type"],
        text=question["text"],
        truth=question["answer"],
        given=given,
        is_right=is_correct(question["type"], given, question["answer"], duration_seconds=duration_seconds),
        is_about_event=question["is_about_event"],
        chance=question["chance"],
    )
