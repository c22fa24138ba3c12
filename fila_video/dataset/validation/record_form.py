"""Checks the form of a record: everything that can be checked without opening the video."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from ..annotations.captions import VIDEO_TOKEN


def form_problems(record: dict[str, Any]) -> Iterator[str]:
    """Yields one text for each problem in the form of a record, which should be in LLaVA's format."""
    if not isinstance(record.get("video"), str):
        yield "does not name a video"
    turns = record.get("conversations")
    if not isinstance(turns, list) or not all(_is_turn(turn) for turn in turns):
        yield "conversations is not a list of {from, value}"
        return
    if [turn["from"] for turn in turns] != ["human", "gpt"] * (len(turns) // 2) or not turns:
        yield "the turns do not alternate between human and gpt"
    found = [turn["value"].count(VIDEO_TOKEN) for turn in turns]
    if sum(found) != 1 or found[0] != 1:
        yield f"the text has {VIDEO_TOKEN} {sum(found)} times, but it must have it once, in the first turn"
    if any(not turn["value"].strip() for turn in turns):
        yield "a turn is empty"
    clips = Counter(scene.get("video") for scene in record.get("scenes") or ())
    yield from (f"the scenes contain clip {clip} {count} times" for clip, count in clips.items() if count > 1)


def _is_turn(turn: Any) -> bool:
    return isinstance(turn, dict) and isinstance(turn.get("from"), str) and isinstance(turn.get("value"), str)
