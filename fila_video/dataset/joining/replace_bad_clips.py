"""Replaces the bad clips of a long video with its candidates."""

from collections.abc import Sequence

from ..clips.open_clip import BadClipError
from ..clips.pool import PoolClip


class Lineup:
    """The clips of a long video, while bad ones are being replaced.

    Args:
        clips: The planned clips, in order.
        candidates: Clips that replace bad ones, the first candidate first.
        min_seconds: If the long video becomes shorter than this, candidates are added at its end.

    Attributes:
        clips: The current clips, in order.
        replaced: For each replacement `clip` (None for a clip that was added), `reason` and `replacement`.
    """

    def __init__(self, clips: Sequence[PoolClip], candidates: Sequence[PoolClip], min_seconds: float):
        self.clips = list(clips)
        self.replaced: list[dict[str, str | None]] = []
        self._candidates = list(candidates)
        self._min_seconds = min_seconds

    def replace(self, place: int, reason: str) -> None:
        """Replaces a bad clip with the next candidate, and adds candidates while the video is too short.

        Args:
            place: Position of the bad clip.
            reason: Why it is bad.

        Raises:
            BadClipError: If no candidate is left.
        """
        bad = self.clips[place]
        self.clips[place] = self._next(f"clip {bad.video}: {reason}")
        self.replaced.append({"clip": bad.video, "reason": reason, "replacement": self.clips[place].video})
        while sum(clip.seconds for clip in self.clips) < self._min_seconds:
            self.clips.append(self._next(f"without clip {bad.video} ({reason}) it is too short"))
            self.replaced.append({"clip": None, "reason": "too short", "replacement": self.clips[-1].video})

    def _next(self, reason: str) -> PoolClip:
        if not self._candidates:
            raise BadClipError(f"{reason}, and no candidate is left")
        return self._candidates.pop(0)
