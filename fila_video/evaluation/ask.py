"""Asks a model the questions about a folder of drawn videos, through the pipeline as a user would, and judges them."""

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from fila_video.world.judge_answer import is_correct

from .choices import most_likely, score_choices
from .scores import Answered


CHOICES = ("generate", "likelihood")
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
    choice: str = "generate",
    mean_of_tokens: bool = False,
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
        choice: How questions that offer choices are answered: `"generate"` as all others, `"likelihood"` by the choice
            that is the most likely one after the prompt (`choices.py`).
        mean_of_tokens: With `"likelihood"`, compare means over the tokens of a choice, not sums.
        options: Options of the pipeline, for example `num_frames`.

    Raises:
        OSError: If the folder or a video cannot be read.
        ValueError: If the videos are to have subtitles, and the folder has none, or if `choice` is unknown.
    """
    if choice not in CHOICES:
        raise ValueError(f"choice={choice!r} must be one of {', '.join(map(repr, CHOICES))}.")
    asked = [pair for pair in _questions_of(folder) if pair[1]["is_about_event"] or not only_about_events]
    asked = [pair for pair in asked if types is None or pair[1]["type"] in types][:max_questions]
    # One call per batch: the pipeline holds the frames of all prompts of a call in memory.
    for start in range(0, len(asked), batch_size):
        batch = asked[start : start + batch_size]
        open_ones = [pair for pair in batch if choice == "generate" or not pair[1]["choices"]]
        prompts = [_prompt(folder, video, question["text"], subtitles=subtitles) for video, question in open_ones]
        call = {"batch_size": batch_size, "max_new_tokens": MAX_NEW_TOKENS, **options}
        generated = iter(map(_text_of, pipe(prompts, **call)) if prompts else ())
        loaded: dict[Any, Any] = {}  # the questions about a video stand next to each other
        for video, question in batch:
            if choice == "generate" or not question["choices"]:
                yield _judged(video, question, next(generated))
                continue
            messages = _conversation(folder, video, question["text"], subtitles=subtitles)
            scores = score_choices(pipe, messages, question["choices"], loaded_videos=loaded, **options)
            yield _judged(video, question, question["choices"][most_likely(scores, mean=mean_of_tokens)])


def _questions_of(folder: Path) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Each line of `truth.jsonl` with each of its questions."""
    with (folder / "truth.jsonl").open(encoding="utf-8") as lines:
        for line in lines:
            video = json.loads(line)
            for question in video["questions"]:
                yield video, question


def _prompt(folder: Path, video: dict[str, Any], text: str, *, subtitles: bool) -> Any:
    if not subtitles:
        return {"video": str(folder / video["video"]), "text": text}
    return _conversation(folder, video, text, subtitles=True)


def _conversation(folder: Path, video: dict[str, Any], text: str, *, subtitles: bool) -> list[dict[str, Any]]:
    part = {"type": "video", "video": str(folder / video["video"])}
    if subtitles:
        if "subtitles" not in video:
            raise ValueError(f"{folder} has no subtitles: draw the videos with --spoken-questions.")
        part["subtitles"] = str(folder / video["subtitles"])
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
