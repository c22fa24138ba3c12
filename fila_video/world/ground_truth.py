"""What happens in a drawn video: its scenes, the objects in them, and their times. Nothing here draws a pixel.

All times are seconds from the start of the video and multiples of 1 / FRAMES_PER_SECOND. Intervals are half-open.
"""

from dataclasses import dataclass


FRAMES_PER_SECOND = 10
FADE_SECONDS = 0.4
EVENT_SECONDS = (0.6, 1.0)  # shortest and longest event


@dataclass(frozen=True)
class WorldObject:
    """
    A shape that crosses its lane of the picture once, from the time it enters to the time it leaves.

    Args:
        colour: A key of `OBJECT_COLOURS`.
        shape: One of `SHAPES`.
        motion: A key of `MOTIONS`.
        lane: `"whole"` for an object that is alone in its scene, `"top"` or `"bottom"` for one of two.
        enter_seconds: Time when the object appears.
        leave_seconds: Time when the object disappears, the end of its scene.
    """

    colour: str
    shape: str
    motion: str
    lane: str
    enter_seconds: float
    leave_seconds: float

    @property
    def name(self) -> str:
        """Color and shape, for example `red circle`; unique within a video."""
        return f"{self.colour} {self.shape}"


@dataclass(frozen=True)
class Scene:
    """
    The part of a video from `start_seconds` to `end_seconds`, with one background.

    Args:
        start_seconds: Start of the scene.
        end_seconds: End of the scene; this time belongs to the next scene.
        background: A key of `BACKGROUND_COLOURS`.
        texture: One of `TEXTURES`.
        transition: How the scene begins: `"cut"` or `"fade"`.
        is_event: Whether the scene is so short that evenly spaced frames may miss it.
        objects: One or two objects.
    """

    start_seconds: float
    end_seconds: float
    background: str
    texture: str
    transition: str
    is_event: bool
    objects: tuple[WorldObject, ...]


@dataclass(frozen=True)
class Video:
    """
    The complete ground truth of a video. No two of its objects have the same color.

    Args:
        duration_seconds: Length of the video.
        scenes: Scenes in order of time, without gaps.
        frame_seconds: Times of the frames, of which the first is 0. None: `FRAMES_PER_SECOND` evenly spaced frames per
            second.
    """

    duration_seconds: float
    scenes: tuple[Scene, ...]
    frame_seconds: tuple[float, ...] | None = None

    @property
    def objects(self) -> tuple[WorldObject, ...]:
        """All objects in the order in which they enter. Of two that enter together, the upper one comes first."""
        found = [item for scene in self.scenes for item in scene.objects]
        return tuple(sorted(found, key=lambda item: item.enter_seconds))  # sorting is stable

    def scene_of(self, item: WorldObject) -> Scene:
        """The scene that an object is in."""
        return next(scene for scene in self.scenes if item in scene.objects)

    def scene_at(self, seconds: float) -> Scene:
        """The scene that is shown at a time in [0, duration)."""
        return next(scene for scene in self.scenes if scene.start_seconds <= seconds < scene.end_seconds)
