"""What the user gives: clips with captions, as LLaVA-Video-178K records or as plain lines of `video` and `caption`."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from .files import read_records


DEFAULT_SOURCE = "clips"
# Captions of LLaVA-Video-178K are long; what answers a question in one sentence is shorter than this.
MIN_CAPTION_WORDS, LONG_CAPTION_WORDS = 20, 60
ASKS_FOR_CAPTION = re.compile(
    r"\b(descri\w+|caption\w*|narrat\w+|summar\w+|depict\w*|portray\w*|rundown|overview|account of|"
    r"explain the (video|clip)|what (is|'s) happening|what happens in the (video|clip))",
    re.IGNORECASE,
)
OFFERS_CHOICES = re.compile(r"^\s*\(?[A-F][.):]\s|\bletter\b.*\boption", re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True)
class CaptionedClip:
    """A clip as it was given: `video` is its path below the video root, with forward slashes."""

    video: str
    caption: str
    source: str


@dataclass(frozen=True)
class Rejected:
    """A record or clip that is not used, and why."""

    video: str
    reason: str


def read_captioned_clips(paths: Iterable[Path]) -> Iterator[CaptionedClip | Rejected]:
    """The clips of these files (.json lists or JSON lines), in their order, each video once; what is not used
    comes as Rejected.

    Raises:
        ValueError: a file that is not JSON, or a record of neither format; the message names file and record.
    """
    seen: set[str] = set()
    for path in paths:
        for number, record in read_records(Path(path)):
            clip = _parse(record, f"{path}, record {number}")
            if isinstance(clip, CaptionedClip) and clip.video in seen:
                clip = Rejected(clip.video, "the same video has a caption already")
            if isinstance(clip, CaptionedClip):
                seen.add(clip.video)
            yield clip


def is_caption(conversations: list[dict[str, str]]) -> bool:
    """Whether a LLaVA conversation is a caption: one exchange, no choices to pick from, and an answer that is long, or
    fairly long where a description was asked for. All else are questions."""
    if len(conversations) != 2 or OFFERS_CHOICES.search(conversations[0]["value"]):
        return False
    words = len(conversations[1]["value"].split())
    if ASKS_FOR_CAPTION.search(conversations[0]["value"]):
        return words >= MIN_CAPTION_WORDS
    return words >= LONG_CAPTION_WORDS


def _parse(record: dict[str, Any], place: str) -> CaptionedClip | Rejected:
    if not isinstance(record.get("video"), str):
        raise ValueError(f"{place} names no video: it has the keys {sorted(record)}.")
    video = record["video"]
    if PurePosixPath(video).is_absolute() or ".." in PurePosixPath(video).parts:
        return Rejected(video, "the path leads out of the video root")
    source = str(record.get("data_source") or record.get("source") or DEFAULT_SOURCE)
    if "conversations" in record:
        return _parse_llava(record["conversations"], video, source, place)
    if not isinstance(record.get("caption"), str) or not record["caption"].strip():
        raise ValueError(f"{place} ({video}) has neither conversations nor a caption: {sorted(record)}.")
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
    """Scenes are lines in the final text, so that a caption is one line."""
    return " ".join(text.split())
