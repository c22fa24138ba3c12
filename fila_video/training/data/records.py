"""Turns records in LLaVA's format into chats: messages with roles, in which images and videos have their places."""

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .caption_template import as_caption


ROLES = {"human": "user", "user": "user", "gpt": "assistant", "assistant": "assistant", "system": "system"}
# A placeholder and the line breaks by which LLaVA separates it from the text. The chat template writes its own ones.
PLACEHOLDER = re.compile(r"\n?<(?:image|video)>\n?")
# Where these are not placeholders, they are words. Unchanged, they would become the tokens of a file or of a turn.
TOKENS = re.compile(r"<(?=(?:image|video)>|\|\w+\|>)")
MEDIA = ("image", "video")


class RecordError(ValueError):
    """A record that cannot be used for training."""


def chat_of(
    record: Mapping[str, Any], *, folder: str, source: str, template: str = "chat", number: int = 0
) -> dict[str, Any]:
    """
    Turns a record into a row of a data set.

    Args:
        record: `id`, then `conversations` of `{"from": "human" | "gpt" | "system", "value": text}` or `messages` of
            `{"role", "content"}`, and `image` or `video`: a path or a list of paths. `subtitles`, if the record has
            them, are the path of a subtitle file or true for the text track of the video, or a list with one entry for
            each video. A placeholder `<image>` or `<video>` in the user's text marks the place of each file. As in
            LLaVA-Video, `<image>` may stand for a video. In an answer they are words, as markers such as `<|im_end|>`
            are everywhere. A space keeps words from becoming tokens: `< video>`.
        folder: Folder or URL of the media. Relative paths start from it, and no path may leave it.
        source: Name of the source, for error messages.
        template: `"chat"`, or `"caption"` to remove the user's text, as LLaVA's plain format does.
        number: Number of the record in its file; it becomes the id of a record without one.

    Returns:
        A row with `id`, `source`, `modality` (image, video or text) and `messages`, a chat in transformers' format.

    Raises:
        RecordError: If placeholders and files do not match, roles or texts are missing, or a text is not valid Unicode,
            or a path leaves the folder; it names the record.
    """
    if not isinstance(record, Mapping):
        raise RecordError(f"{source}: a record must be an object, not {record!r:.80}.")
    record_id = record.get("id") if record.get("id") is not None else f"number {number}"
    name = f"{source}: record {record_id!r:.80}"
    kind, paths = _media_of(record, name)
    turns = _turns_of(record, name)
    num_places = sum(len(PLACEHOLDER.findall(text)) for role, text in turns if role != "assistant")
    if num_places != len(paths):
        raise RecordError(f"{name} has {num_places} placeholders <image> or <video> for {len(paths)} files.")
    media = iter(
        {"type": kind, "path": _join(folder, path, name), **_subtitles(folder, lines, name)}
        for path, lines in zip(paths, _subtitles_of(record, kind, len(paths), name), strict=True)
    )
    messages = [{"role": role, "content": _parts_of(role, text, media)} for role, text in turns]
    if template == "caption":
        messages = as_caption(messages)
    row = {"id": str(record_id), "source": source, "modality": kind or "text", "messages": messages}
    try:
        json.dumps(row, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        raise RecordError(f"{name} has text that is not valid Unicode: {error}") from error
    return row


def _media_of(record: Mapping[str, Any], name: str) -> tuple[str | None, list[str]]:
    given = {kind: record[kind] for kind in MEDIA if record.get(kind)}
    if len(given) > 1:
        raise RecordError(f"{name} has both an image and a video.")
    for kind, paths in given.items():
        paths = [paths] if isinstance(paths, str) else paths
        if not isinstance(paths, list) or not all(isinstance(path, str) for path in paths):
            raise RecordError(f"{name} has {paths!r:.80} for its {kind}: it must be a path or a list of paths.")
        return kind, paths
    return None, []


def _subtitles_of(record: Mapping[str, Any], kind: str | None, num_videos: int, name: str) -> list[Any]:
    """What the record says about the subtitles of each file."""
    given = record.get("subtitles")
    if given is None:
        return [None] * num_videos
    entries = given if isinstance(given, list) else [given]
    if kind != "video" or len(entries) != num_videos:
        raise RecordError(f"{name} has {len(entries)} subtitles for {num_videos if kind == 'video' else 0} videos.")
    if not all(entry is None or isinstance(entry, (str, bool)) for entry in entries):
        raise RecordError(f"{name} has {given!r:.80} for its subtitles: each must be a path, true, false or null.")
    return entries


def _subtitles(folder: str, lines: Any, name: str) -> dict[str, Any]:
    if lines is None:
        return {}
    return {"subtitles": _join(folder, lines, name) if isinstance(lines, str) else lines}


def _turns_of(record: Mapping[str, Any], name: str) -> list[tuple[str, str]]:
    turns = record.get("conversations") or record.get("messages") or []
    if not isinstance(turns, list) or not all(isinstance(turn, Mapping) for turn in turns):
        raise RecordError(f"{name} has turns that are not a list of objects: {turns!r:.80}.")
    turns = [(turn.get("from", turn.get("role")), turn.get("value", turn.get("content"))) for turn in turns]
    for role, text in turns:
        if not isinstance(role, str) or role not in ROLES:
            raise RecordError(f"{name} has a turn of {role!r:.80}; the roles are {', '.join(ROLES)}.")
        if not isinstance(text, str):
            raise RecordError(f"{name} has a turn of {role!r} whose text is {text!r:.80}.")
    turns = [(ROLES[role], text) for role, text in turns]
    if not any(role == "assistant" and text.strip() for role, text in turns):
        raise RecordError(f"{name} has no answer to train on.")
    return turns


def _parts_of(role: str, text: str, media) -> list[dict[str, Any]]:
    """Splits the text of a turn at its placeholders into the parts of a message, in the same order."""
    texts = [text] if role == "assistant" else PLACEHOLDER.split(text)
    texts = [TOKENS.sub("< ", words) for words in texts]
    parts = [{"type": "text", "text": texts[0]}]
    for following in texts[1:]:
        parts += [next(media), {"type": "text", "text": following}]
    return [part for part in parts if part.get("text") != ""]


def _join(folder: str, path: str, name: str) -> str:
    """Joins folder and path. Records may come from others, so a path must not lead to any other file or server."""
    joined = path if "://" in path or os.path.isabs(path) else f"{folder.rstrip('/')}/{path}"
    if "\0" in path or not _is_inside(folder, joined):
        raise RecordError(
            f"{name} has the path {path!r:.80}, which is not in media={folder}. Give a folder that contains all files; "
            "media=/ allows every path, and media=https:// every URL of that kind."
        )
    return joined


def _is_inside(folder: str, path: str) -> bool:
    if "://" not in folder:
        return "://" not in path and Path(os.path.abspath(path)).is_relative_to(os.path.abspath(folder))
    # fsspec reads two colons as a chain of file systems.
    return path.startswith(f"{folder.rstrip('/')}/") and "::" not in path and ".." not in path.split("/")
