"""Which kind of videos to draw."""

from dataclasses import dataclass

import numpy as np

from .ground_truth import FRAMES_PER_SECOND
from .vocabulary import OBJECT_COLOURS


@dataclass(frozen=True)
class WorldOptions:
    """
    Which kind of videos to draw.

    Args:
        scenes: Smallest and largest number of scenes that are not events.
        seconds: Lengths of the shortest and the longest video.
        events: Smallest and largest number of short events. Each event is a scene of its own between two others.
        pair_probability: Probability that a scene has a second object.
        shortest_share: Length of the shortest scene that is not an event, as a share of the video's length. With the
            default of 0.1, 24 evenly spaced frames show every such scene at least twice.
        changes_on_frames: If given, everything begins with a cut on one of this number of evenly spaced frames. A
            model that sees only these frames can then know every time exactly. `shortest_share` counts these frames.
            Not possible together with events. Default: changes may fall on any frame.
        uneven: Only with `changes_on_frames`: the video consists of just these frames, at irregular times, a tenth of
            a second to some seconds apart. The time of a frame then does not follow from its number, and the length
            of a scene does not follow from its number of frames.

    Raises:
        ValueError: If a value is out of range, or if values exclude each other.
    """

    scenes: tuple[int, int] = (2, 6)
    seconds: tuple[float, float] = (12.0, 32.0)
    events: tuple[int, int] = (0, 0)
    pair_probability: float = 0.25
    shortest_share: float = 0.1
    changes_on_frames: int | None = None
    uneven: bool = False

    def __post_init__(self) -> None:
        self._check_ranges()
        self._check_that_scenes_fit()
        if self.changes_on_frames is not None:
            self._check_changes(self.changes_on_frames)
        elif self.uneven:
            raise ValueError("uneven=True needs changes_on_frames, the number of frames of a video.")

    @property
    def total_frames(self) -> tuple[int, int]:
        """Numbers of frames of the shortest and the longest video."""
        return in_frames(self.seconds)

    def _check_ranges(self) -> None:
        for name in ("scenes", "seconds", "events"):
            least, most = getattr(self, name)
            if not 0 <= least <= most:
                raise ValueError(f"{name}={(least, most)} must be a minimum and a maximum, neither below 0.")
        if self.scenes[0] < 1:
            raise ValueError(f"scenes={self.scenes}: a video has at least one scene.")
        if not 0 <= self.pair_probability <= 1:
            raise ValueError(f"pair_probability={self.pair_probability} must be in [0, 1].")

    def _check_that_scenes_fit(self) -> None:
        if self.scenes[1] + self.events[1] > len(OBJECT_COLOURS):
            raise ValueError(
                f"scenes={self.scenes} and events={self.events} may need more objects than there are colors, "
                f"{len(OBJECT_COLOURS)}."
            )
        if self.events[1] >= self.scenes[0] and self.events[1]:
            raise ValueError(
                f"events={self.events}: an event stands between two scenes, so scenes={self.scenes} leave room for at "
                f"most {self.scenes[0] - 1}."
            )
        if not 0 <= self.shortest_share * self.scenes[1] <= 1:
            raise ValueError(
                f"{self.scenes[1]} scenes of shortest_share={self.shortest_share} do not fit into a video."
            )

    def _check_changes(self, num_frames: int) -> None:
        if num_frames < 2:
            raise ValueError(f"changes_on_frames={num_frames} must be at least 2.")
        if self.events[1]:
            raise ValueError(
                f"changes_on_frames={num_frames} excludes events={self.events}: an event is shorter than the time "
                "between two of these frames."
            )
        if num_frames > self.total_frames[0]:
            raise ValueError(
                f"changes_on_frames={num_frames} is more than seconds={self.seconds} have in the shortest video, "
                f"{self.total_frames[0]} frames."
            )
        if np.ceil(num_frames * self.shortest_share) * self.scenes[1] > num_frames:
            raise ValueError(
                f"{self.scenes[1]} scenes of shortest_share={self.shortest_share} do not fit "
                f"changes_on_frames={num_frames}."
            )


USUAL_WORLD = WorldOptions()


def in_frames(seconds: tuple[float, float]) -> tuple[int, int]:
    """Two lengths of time as numbers of frames."""
    return round(seconds[0] * FRAMES_PER_SECOND), round(seconds[1] * FRAMES_PER_SECOND)
