"""Checks the form of a record: everything that can be checked without opening the video."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from fila_video.common.files import is_seconds

from ..clips.read_captions import PLACEHOLDER


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
    found = [len(PLACEHOLDER.findall(turn["value"])) for turn in turns]
    if sum(found) != 1 or found[0] != 1:
        yield f"the text has <image> or <video> {sum(found)} times, but it must have it once, in the first turn"
    if any(not turn["value"].strip() for turn in turns):
        yield "a turn is empty"
    if record.get("duration") is not None and not is_seconds(record["duration"]):
        yield f"duration={str(record['duration'])[:80]} is not a number of seconds"
    scenes = record.get("scenes") or []
    if not isinstance(scenes, list) or not all(map(_is_scene, scenes)):
        yield "scenes is not a list of {start, end, video} with times in seconds"
        return
    clips = Counter(scene["video"] for scene in scenes if "video" in scene)
    yield from (f"the scenes contain clip {clip} {count} times" for clip, count in clips.items() if count > 1)


def _is_scene(scene: Any) -> bool:
    return (
        isinstance(scene, dict)
        and is_seconds(scene.get("start"))
        and is_seconds(scene.get("end"))
        and isinstance(scene.get("video", ""), str)
    )


def _is_turn(turn: Any) -> bool:
    return isinstance(turn, dict) and isinstance(turn.get("from"), str) and isinstance(turn.get("value"), str)
