"""Reads clips and their captions, from LLaVA-Video-178K records or from plain lines of `video` and `caption`."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from fila_video.common.files import read_records, to_line


DEFAULT_SOURCE = "clips"
# Captions of LLaVA-Video-178K are long. An answer to a question is usually one sentence, which is shorter than this.
MIN_CAPTION_WORDS, LONG_CAPTION_WORDS = 20, 60
ASKS_FOR_CAPTION = re.compile(
    r"\b(descri\w+|caption\w*|narrat\w+|summar\w+|depict\w*|portray\w*|rundown|overview|account of|"
    r"explain the (video|clip)|what (is|'s) happening|what happens in the (video|clip))",
    re.IGNORECASE,
)
PLACEHOLDER = re.compile(r"<(?:image|video)>")
# Without line breaks and without a bound, a long text would take quadratic time.
OFFERS_CHOICES = re.compile(r"^[^\S\n]{0,20}\(?[A-F][.):]\s|\bletter\b.{0,200}\boption", re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True)
class CaptionedClip:
    """A clip and its caption, as the user gave them.

    Args:
        video: Path of the clip below the video root, with forward slashes.
        caption: The caption, in one line.
        source: Collection that the clip comes from.
    """

    video: str
    caption: str
    source: str


@dataclass(frozen=True)
class Rejected:
    """A record or a clip that is not used, and the reason."""

    video: str
    reason: str


def read_captioned_clips(paths: Iterable[Path]) -> Iterator[CaptionedClip | Rejected]:
    """Yields the clips of caption files in order. A video that appears again, or has no caption, is a `Rejected`.

    Args:
        paths: Files that hold a JSON list or JSON lines.

    Raises:
        ValueError: If a file is not JSON, or a record has neither format. The message names the file and the record.
        OSError: If a file cannot be read.
    """
    seen: set[str] = set()
    for path in paths:
        for number, record in read_records(Path(path)):
            clip = _parse(record, f"{path}, record {number}")
            if isinstance(clip, CaptionedClip) and clip.video in seen:
                clip = Rejected(clip.video, "the same video already has a caption")
            if isinstance(clip, CaptionedClip):
                seen.add(clip.video)
            yield clip


def is_caption(conversations: list[dict[str, str]]) -> bool:
    """Tells whether a LLaVA conversation is a caption. Any other conversation is a question.

    A caption is a single exchange that offers no choices. Its answer has at least 60 words, or at least 20 words if
    the user asked for a description.
    """
    if len(conversations) != 2 or OFFERS_CHOICES.search(conversations[0]["value"]):
        return False
    words = len(conversations[1]["value"].split())
    if ASKS_FOR_CAPTION.search(conversations[0]["value"]):
        return words >= MIN_CAPTION_WORDS
    return words >= LONG_CAPTION_WORDS


def _parse(record: dict[str, Any], place: str) -> CaptionedClip | Rejected:
    if not isinstance(record.get("video"), str):
        raise ValueError(f"{place} does not name a video: it has the keys {sorted(record)}.")
    try:
        to_line(record).encode()
    except UnicodeEncodeError:
        return Rejected(record["video"].encode(errors="replace").decode(), "a text has half of a surrogate pair")
    clip = _parse_text(record, place)
    if isinstance(clip, CaptionedClip) and PLACEHOLDER.search(clip.caption):
        return Rejected(clip.video, "the caption contains <image> or <video>, which training would take for a video")
    return clip


def _parse_text(record: dict[str, Any], place: str) -> CaptionedClip | Rejected:
    video = record["video"]
    if PurePosixPath(video).is_absolute() or ".." in PurePosixPath(video).parts:
        return Rejected(video, "the path leads out of the video root")
    source = str(record.get("data_source") or record.get("source") or DEFAULT_SOURCE)
    if "conversations" in record:
        return _parse_llava(record["conversations"], video, source, place)
    if not isinstance(record.get("caption"), str) or not record["caption"].strip():
        raise ValueError(f"{place} ({video}) has no conversations and no caption: it has the keys {sorted(record)}.")
    return CaptionedClip(video, _one_line(record["caption"]), source)


def _parse_llava(conversations: Any, video: str, source: str, place: str) -> CaptionedClip | Rejected:
    try:
        turns = [{"from": turn["from"], "value": str(turn["value"])} for turn in conversations]
    except (TypeError, KeyError) as error:
        raise ValueError(f"{place} ({video}): conversations must be a list of {{'from', 'value'}}.") from error
    if not is_caption(turns):
        return Rejected(video, "a question, not a caption")
    return CaptionedClip(video, _one_line(turns[1]["value"]), source)


def _one_line(text: str) -> str:
    """Joins the lines of a caption, because each scene is one line of the training answer."""
    return " ".join(text.split())
