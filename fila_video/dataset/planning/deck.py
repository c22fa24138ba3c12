"""Deals the clips of a group in random order, so that all of them are used about equally often."""

import math
import random

from ..clips.pool import PoolClip


class Deck:
    """The clips of one group in random order. A clip that was dealt comes back in the next round, after a shuffle.

    Args:
        clips: All clips of the group.
    """

    def __init__(self, clips: list[PoolClip]):
        self.seconds = sum(clip.seconds for clip in clips)
        self._clips = clips
        self._queue: list[PoolClip] = []

    def deal(self, excluded: set[str], max_seconds: float, generator: random.Random) -> PoolClip | None:
        """Deals the next clip that is not excluded and not too long.

        Args:
            excluded: Clips that must not be dealt, by their `video`.
            max_seconds: Longest clip that may be dealt.
            generator: Shuffles the clips when a new round begins.

        Returns:
            The clip, or None if the whole deck has no such clip.
        """
        for place, clip in enumerate(self._queue):
            if clip.video not in excluded and clip.seconds <= max_seconds:
                return self._queue.pop(place)
        queued = {clip.video for clip in self._queue}
        fresh = [clip for clip in self._clips if clip.video not in queued]
        if not any(clip.video not in excluded and clip.seconds <= max_seconds for clip in fresh):
            return None
        generator.shuffle(fresh)
        self._queue += fresh
        return self.deal(excluded, max_seconds, generator)

    def peek(self, count: int, excluded: set[str], generator: random.Random) -> list[PoolClip]:
        """Returns up to `count` next clips that are not excluded. They stay in the deck."""
        taken: list[PoolClip] = []
        names = set(excluded)
        while len(taken) < count and (clip := self.deal(names, math.inf, generator)) is not None:
            taken.append(clip)
            names.add(clip.video)
        self._queue[:0] = taken
        return taken
