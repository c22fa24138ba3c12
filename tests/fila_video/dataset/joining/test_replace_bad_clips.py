"""Bad clips are replaced with candidates, and a video that becomes too short gets more of them."""

import pytest

from fila_video.dataset.clips.open_clip import BadClipError
from fila_video.dataset.clips.pool import PoolClip
from fila_video.dataset.joining.replace_bad_clips import Lineup


def clip(name: str, seconds: float = 10) -> PoolClip:
    return PoolClip(name, "A caption.", "clips", seconds, 100, "h264", None)


def test_the_first_candidate_takes_the_place_of_the_bad_clip():
    lineup = Lineup([clip("a"), clip("b"), clip("c")], [clip("d"), clip("e")], min_seconds=30)
    lineup.replace(1, "is damaged")
    assert [each.video for each in lineup.clips] == ["a", "d", "c"]
    assert lineup.replaced == [{"clip": "b", "reason": "is damaged", "replacement": "d"}]


def test_candidates_are_added_while_the_video_is_too_short():
    lineup = Lineup([clip("a"), clip("b")], [clip("c", 4), clip("d", 3), clip("e", 3), clip("f")], min_seconds=20)
    lineup.replace(0, "is damaged")
    assert [each.video for each in lineup.clips] == ["c", "b", "d", "e"]
    assert [(entry["clip"], entry["replacement"]) for entry in lineup.replaced] == [
        ("a", "c"),
        (None, "d"),
        (None, "e"),
    ]


def test_without_candidates_the_reason_names_the_clip():
    with pytest.raises(BadClipError, match="clip b: is damaged, and no candidate is left"):
        Lineup([clip("a"), clip("b")], [], min_seconds=10).replace(1, "is damaged")
    with pytest.raises(BadClipError, match=r"without clip b \(is damaged\) it is too short, and no candidate is left"):
        Lineup([clip("a"), clip("b")], [clip("c", 1)], min_seconds=20).replace(1, "is damaged")
