"""A deck deals every clip before any clip comes again."""

import random

from fila_video.dataset.clips.pool import PoolClip
from fila_video.dataset.planning.deck import Deck


def clip(name: str, seconds: float = 10) -> PoolClip:
    return PoolClip(name, "A caption.", "clips", seconds, 100, "h264", None)


def deck(count: int = 6) -> Deck:
    return Deck([clip(f"{number}.mp4") for number in range(count)])


def deal_names(dealer: Deck, count: int, generator: random.Random, excluded: set[str] = frozenset()) -> list[str]:
    return [dealer.deal(set(excluded), 100, generator).video for _ in range(count)]


def test_every_round_deals_every_clip_once_in_another_order():
    dealer, generator = deck(), random.Random(0)
    rounds = [deal_names(dealer, 6, generator) for _ in range(3)]
    assert all(sorted(names) == [f"{number}.mp4" for number in range(6)] for names in rounds)
    assert rounds[0] != rounds[1] != rounds[2]


def test_excluded_clips_stay_in_the_deck():
    dealer, generator = deck(), random.Random(0)
    first = deal_names(dealer, 3, generator, excluded={"1.mp4", "4.mp4"})
    assert not {"1.mp4", "4.mp4"} & set(first)
    assert {"1.mp4", "4.mp4"} < {*first, *deal_names(dealer, 3, generator)}


def test_clips_that_are_too_long_are_not_dealt():
    dealer = Deck([clip("long.mp4", 50), clip("short.mp4", 5)])
    assert dealer.seconds == 55
    assert dealer.deal(set(), 20, random.Random(0)).video == "short.mp4"
    assert dealer.deal({"short.mp4"}, 20, random.Random(0)) is None


def test_peeking_leaves_the_clips_in_the_deck():
    dealer, generator = deck(), random.Random(0)
    seen = [each.video for each in dealer.peek(4, {"2.mp4"}, generator)]
    assert len(seen) == 4 and "2.mp4" not in seen
    assert deal_names(dealer, 4, generator) == seen
    assert len(dealer.peek(100, set(), generator)) == 6
