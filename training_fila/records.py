"""Records in LLaVA's format as chats: who says what, and which picture or video stands where."""

import re
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

from .caption_template import as_caption


ROLES = {"human": "user", "user": "user", "gpt": "assistant", "assistant": "assistant", "system": "system"}
# A placeholder, with the line break by which LLaVA parts it from the text; the chat template writes its own.
PLACEHOLDER = re.compile(r"\n?<(?:image|video)>\n?")
MEDIA = ("image", "video")


class RecordError(ValueError):
    """A record that says nothing one could train on."""


def chat_of(record: Mapping[str, Any], *, folder: str, source: str, template: str = "chat") -> dict[str, Any]:
    """
    A record as a row: `id`, `source`, `modality` (image, video or text) and `messages`, a chat of transformers' kind.

    Args:
        record: `id`, `conversations` of `{"from": "human" | "gpt" | "system", "value": text}` or `messages` of
            `{"role", "content"}`, and `image` or `video`: a path, or a list of them. A placeholder `<image>` or
            `<video>` in the text says where each stands; LLaVA-Video's `<image>` may stand for a video.
        folder: what relative paths of media start from.
        source: the name of the file, for errors.
        template: `"caption"` leaves what the user says out, as LLaVA's plain format does.

    Raises:
        `RecordError`: if placeholders and media do not match, or roles or texts are missing; it names the record.
    """
    name = f"{source}: record {record.get('id', '?')!r}"
    kind, paths = _media_of(record, name)
    turns = _turns_of(record, name)
    num_places = sum(len(PLACEHOLDER.findall(text)) for _, text in turns)
    if num_places != len(paths):
        raise RecordError(f"{name} has {num_places} placeholders <image> or <video> for {len(paths)} files.")
    media = iter([{"type": kind, "path": _join(folder, path)} for path in paths])
    messages = [{"role": role, "content": _parts_of(text, media)} for role, text in turns]
    if template == "caption":
        messages = as_caption(messages)
    return {"id": str(record.get("id", "?")), "source": source, "modality": kind or "text", "messages": messages}


def _media_of(record: Mapping[str, Any], name: str) -> tuple[str | None, list[str]]:
    given = {kind: record[kind] for kind in MEDIA if record.get(kind)}
    if len(given) > 1:
        raise RecordError(f"{name} has both an image and a video.")
    for kind, paths in given.items():
        return kind, [paths] if isinstance(paths, str) else list(paths)
    return None, []


def _turns_of(record: Mapping[str, Any], name: str) -> list[tuple[str, str]]:
    if turns := record.get("conversations"):
        turns = [(turn.get("from"), turn.get("value")) for turn in turns]
    else:
        turns = [(turn.get("role"), turn.get("content")) for turn in record.get("messages") or ()]
    for role, text in turns:
        if role not in ROLES:
            raise RecordError(f"{name} has a turn of {role!r}; roles are {', '.join(ROLES)}.")
        if not isinstance(text, str):
            raise RecordError(f"{name} has a turn of {role!r} whose text is {text!r}.")
    turns = [(ROLES[role], text) for role, text in turns]
    if not any(role == "assistant" and text.strip() for role, text in turns):
        raise RecordError(f"{name} has no answer to train on.")
    return turns


def _parts_of(text: str, media) -> list[dict[str, str]]:
    """A text with placeholders as parts of a message, in the same order."""
    texts = PLACEHOLDER.split(text)
    parts = [{"type": "text", "text": texts[0]}]
    for following in texts[1:]:
        parts += [next(media), {"type": "text", "text": following}]
    return [part for part in parts if part.get("text") != ""]


def _join(folder: str, path: str) -> str:
    """Folders may be URLs, and paths are absolute or start from the folder."""
    return path if "://" in path or PurePosixPath(path).is_absolute() else f"{folder.rstrip('/')}/{path}"
