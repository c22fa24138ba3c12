"""The questions of lmms-eval's tasks, as conversations of the pipeline, in the order of their videos."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from itertools import groupby
from json import dumps
from pathlib import Path
from typing import Any


# What tasks may say about generation. Everything else belongs to other models.
SAMPLING = ("temperature", "top_p", "top_k")


@dataclass
class Question:
    """
    A question of a task.

    Attributes:
        place: Its place among the requests.
        task: Name of the task.
        document: Number of the document in the task's data.
        messages: The conversation, as the pipeline takes it.
        video: Path of the first video, or "" if there is none.
        generation: Arguments of `generate`.
        until: The answer ends before the first of these texts.
        continuations: For a likelihood: the texts whose probability is asked.
    """

    place: int
    task: str
    document: Any
    messages: list[dict[str, Any]]
    video: str = ""
    generation: dict[str, Any] = field(default_factory=dict)
    until: tuple[str, ...] = ()
    continuations: tuple[str, ...] = ()

    def digest(self) -> str:
        """A digest of all that the answer depends on, apart from the model: prompt, settings, and the video file."""
        file = Path(self.video)
        size = file.stat().st_size if self.video and file.is_file() else None
        asked = [self.messages, self.generation, self.until, self.continuations, size]
        return blake2b(dumps(asked, default=repr).encode(), digest_size=20).hexdigest()

    def prompt_text(self) -> str:
        """The texts of the conversation, without the videos."""
        parts = [part for message in self.messages for part in message["content"]]
        return "\n".join(part["text"] for part in parts if part["type"] == "text")


class UnreadableDocument(Exception):
    """A task could not make the question of a document, for example because its video file is missing."""


def conversation_of(messages: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """
    Returns messages of lmms-eval in the form that the pipeline takes.

    Raises:
        ValueError: If a message holds something other than text, images and whole videos.
    """
    return [{"role": message["role"], "content": list(map(_part, message["content"]))} for message in messages]


def _part(part: dict[str, Any]) -> dict[str, Any]:
    kind = part["type"]
    if kind == "text":
        return {"type": "text", "text": part["text"]}
    source = part["url"]
    if kind not in ("image", "video") or isinstance(source, dict) or part.get("start_time") or part.get("end_time"):
        raise ValueError(f"FiLA-Video answers about text, images and whole videos, not about {part!r}.")
    return {"type": kind, kind: source}


def make_messages(make: Any, *arguments: Any, **options: Any) -> Any:
    """
    Has a task make its messages.

    Raises:
        UnreadableDocument: If the task ends the program or fails because a file is missing.
    """
    try:
        return make(*arguments, **options)
    except (SystemExit, OSError) as error:  # most tasks call `sys.exit` if a video file is missing
        raise UnreadableDocument(" ".join(str(error).split())) from error


def generation_of(given: dict[str, Any]) -> tuple[dict[str, Any], tuple[str, ...]]:
    """
    Returns what a task says about generation, as arguments of `generate`, and the texts that end an answer.

    Args:
        given: The `generation_kwargs` of a task. Without `max_new_tokens`, the model's own limit counts.
    """
    until = given.get("until") or ()
    until = (until,) if isinstance(until, str) else tuple(filter(None, until))
    arguments = {name: given[name] for name in ("max_new_tokens", "num_beams") if given.get(name) is not None}
    is_sampled = bool(given.get("do_sample")) and (given.get("temperature") or 0) > 0
    arguments["do_sample"] = is_sampled
    if is_sampled:
        arguments |= {name: given[name] for name in SAMPLING if given.get(name) is not None}
    return arguments, until


def ended(text: str, until: Iterable[str]) -> str:
    """Returns the part of an answer before the first text that ends it. White space before the answer ends nothing."""
    start = len(text) - len(text.lstrip())
    places = [place for end in until if (place := text.find(end, start)) >= 0]
    return text[: min(places)] if places else text


def video_of(messages: Sequence[dict[str, Any]]) -> str:
    """Returns the path of the first video of a conversation, or "" if there is none."""
    parts = (part for message in messages for part in message["content"])
    return next((str(part["video"]) for part in parts if part["type"] == "video"), "")


def by_video(questions: Iterable[Question]) -> Iterator[list[Question]]:
    """Yields the questions about each video together. Within a video, equal settings are neighbors."""

    def settings(question: Question) -> tuple[str, str]:
        return question.video, repr(question.generation)

    # The place keeps the order of a task, whose neighbors share the beginning of their prompts.
    ordered = sorted(questions, key=lambda question: (*settings(question), question.place))
    for _, group in groupby(ordered, key=settings):
        yield list(group)
