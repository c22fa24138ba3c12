"""Videos as ground truth: scenes, what moves in them, and when. Nothing here draws a pixel.

All times are seconds from the start of the video, multiples of 1 / FRAMES_PER_SECOND; intervals are half-open.
"""

from dataclasses import dataclass

import numpy as np

from .vocabulary import BACKGROUND_COLOURS, MOTIONS, OBJECT_COLOURS, SHAPES, TEXTURES


FRAMES_PER_SECOND = 10
FADE_SECONDS = 0.4
EVENT_SECONDS = (0.6, 1.0)
CUT_PROBABILITY = 0.7  # otherwise a scene fades in; the first one and events never do
# A second object may come later than its scene if the scene is at least this share of the video.
LATE_ENTRY_SHARE = 0.25


@dataclass(frozen=True)
class WorldObject:
    """A shape that crosses its lane of the picture once while it is there.

    `lane`: "whole", or "top" and "bottom" where two objects share a scene. `motion`: a key of `MOTIONS`.
    """

    colour: str
    shape: str
    motion: str
    lane: str
    enter_seconds: float
    leave_seconds: float

    @property
    def name(self) -> str:
        return f"{self.colour} {self.shape}"


@dataclass(frozen=True)
class Scene:
    """[start_seconds, end_seconds) before one background. `transition`: "cut" or "fade", how it begins.

    `is_event`: it is so short that evenly spread frames may miss it.
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
    """Complete ground truth. No two of its objects have the same colour.

    `frame_seconds`: when its frames are shown, the first at 0; None: `FRAMES_PER_SECOND` of them evenly.
    """

    duration_seconds: float
    scenes: tuple[Scene, ...]
    frame_seconds: tuple[float, ...] | None = None

    @property
    def objects(self) -> tuple[WorldObject, ...]:
        """In the order in which they enter; of two that enter together, the upper one first."""
        found = [item for scene in self.scenes for item in scene.objects]
        return tuple(sorted(found, key=lambda item: item.enter_seconds))  # sorting is stable

    def scene_of(self, item: WorldObject) -> Scene:
        return next(scene for scene in self.scenes if item in scene.objects)

    def scene_at(self, seconds: float) -> Scene:
        return next(scene for scene in self.scenes if scene.start_seconds <= seconds < scene.end_seconds)


@dataclass(frozen=True)
class WorldOptions:
    """What kind of videos are drawn.

    Args:
        scenes: least and most scenes that are not events.
        seconds: shortest and longest video.
        events: least and most short events, each a scene of its own between two others.
        pair_probability: of a second object in a scene.
        shortest_share: the visibility rule: a scene that is no event lasts at least this share of the video. If that
            is a tenth, 24 evenly spread frames show each at least twice.
        changes_on_frames: whatever begins, begins with a cut on one of so many evenly spread frames, so that who sees
            these frames alone knows its very time; `shortest_share` is of these frames. Not with events. None: on any
            frame.
        uneven: with `changes_on_frames`, the video has these frames only, at times between which anything from a tenth
            of a second to some seconds passes: when a frame is shown does not follow from its place, nor from how many
            frames it has how long a scene lasts.
    """

    scenes: tuple[int, int] = (2, 6)
    seconds: tuple[float, float] = (12.0, 32.0)
    events: tuple[int, int] = (0, 0)
    pair_probability: float = 0.25
    shortest_share: float = 0.1
    changes_on_frames: int | None = None
    uneven: bool = False

    def __post_init__(self):
        for name in ("scenes", "seconds", "events"):
            least, most = getattr(self, name)
            if not 0 <= least <= most:
                raise ValueError(f"{name}={(least, most)} must be the least and the most, neither below 0.")
        if self.scenes[0] < 1:
            raise ValueError(f"scenes={self.scenes}: a video has at least one scene.")
        if self.scenes[1] + self.events[1] > len(OBJECT_COLOURS):
            raise ValueError(
                f"scenes={self.scenes} and events={self.events} can need more objects than there are colours, "
                f"{len(OBJECT_COLOURS)}."
            )
        if self.events[1] >= self.scenes[0] and self.events[1]:
            raise ValueError(
                f"events={self.events} stand between scenes: at most scenes - 1 fit, scenes={self.scenes}."
            )
        if not 0 <= self.shortest_share * self.scenes[1] <= 1:
            raise ValueError(f"{self.scenes[1]} scenes of shortest_share={self.shortest_share} do not fit a video.")
        if not 0 <= self.pair_probability <= 1:
            raise ValueError(f"pair_probability={self.pair_probability} must be in [0, 1].")
        if self.changes_on_frames is not None:
            self._check_changes(self.changes_on_frames)
        elif self.uneven:
            raise ValueError("uneven=True needs changes_on_frames: how many frames a video has.")

    def _check_changes(self, num_frames: int) -> None:
        if num_frames < 2:
            raise ValueError(f"changes_on_frames={num_frames} must be at least 2.")
        if self.events[1]:
            raise ValueError(f"changes_on_frames={num_frames} and events={self.events}: events last too few frames.")
        if num_frames > _in_frames(self.seconds)[0]:
            raise ValueError(f"changes_on_frames={num_frames} are more than seconds={self.seconds} have at the least.")
        if np.ceil(num_frames * self.shortest_share) * self.scenes[1] > num_frames:
            raise ValueError(
                f"{self.scenes[1]} scenes of shortest_share={self.shortest_share} do not fit "
                f"changes_on_frames={num_frames}."
            )


USUAL_WORLD = WorldOptions()


def draw_video(rng: np.random.Generator, options: WorldOptions = USUAL_WORLD) -> Video:
    """A video; the same state of `rng`, the same video."""
    num_scenes = int(rng.integers(options.scenes[0], options.scenes[1] + 1))
    num_events = int(rng.integers(options.events[0], options.events[1] + 1))
    total_frames = int(rng.integers(*_in_frames(options.seconds), endpoint=True))
    moments = _moments_of_changes(rng, total_frames, options)
    num_moments = len(moments) - 1
    lengths, is_event = _draw_lengths(rng, num_scenes, num_events, num_moments, options.shortest_share)
    ends = np.cumsum(lengths)
    backgrounds = _draw_backgrounds(rng, len(lengths))
    colours = [str(colour) for colour in rng.permutation(list(OBJECT_COLOURS))]
    scenes = []
    for place, (length, end) in enumerate(zip(lengths, ends, strict=True)):
        spare_colours = len(colours) - (len(lengths) - place)
        has_pair = not is_event[place] and spare_colours > 0 and rng.random() < options.pair_probability
        objects = _draw_objects(
            rng, [colours.pop() for _ in range(1 + has_pair)], span=(end - length, end), moments=moments
        )
        has_to_cut = place == 0 or is_event[place] or options.changes_on_frames is not None
        is_cut = has_to_cut or rng.random() < CUT_PROBABILITY
        scenes.append(
            Scene(
                start_seconds=_in_seconds(moments[end - length]),
                end_seconds=_in_seconds(moments[end]),
                background=backgrounds[place],
                texture=str(rng.choice(TEXTURES)),
                transition="cut" if is_cut else "fade",
                is_event=bool(is_event[place]),
                objects=objects,
            )
        )
    shown = tuple(map(_in_seconds, moments[:-1])) if options.uneven else None
    return Video(_in_seconds(total_frames), tuple(scenes), shown)


def _moments_of_changes(rng, total_frames: int, options: WorldOptions) -> np.ndarray:
    """
    The frames on which something may begin, and the end. Even ones are those that `sample_frame_indices` takes; it is
    not called, as its package would load the model's in every process that draws; a test holds the two together.
    """
    if options.changes_on_frames is None:
        return np.arange(total_frames + 1)
    if options.uneven:
        between = rng.choice(np.arange(1, total_frames - 1), size=options.changes_on_frames - 2, replace=False)
        return np.array([0, *sorted(between), total_frames - 1, total_frames])
    even = np.linspace(0, total_frames - 1, options.changes_on_frames)
    return np.append(np.ceil(even - 0.5 - 1e-9).astype(int), total_frames)


def _draw_lengths(rng, num_scenes: int, num_events: int, num_moments: int, shortest_share: float):
    """Moments of each scene and whether it is an event, both (S,); very unequal, and they sum up to `num_moments`."""
    first, last = _in_frames(EVENT_SECONDS)
    events = rng.integers(first, last, size=num_events, endpoint=True)
    shortest = max(int(np.ceil(num_moments * shortest_share)), 1)
    free = num_moments - events.sum() - shortest * num_scenes
    if free < 0:
        raise ValueError(f"{num_scenes} scenes and {num_events} events do not fit {num_moments} frames.")
    lengths = shortest + np.floor(rng.dirichlet(np.full(num_scenes, 0.8)) * free).astype(int)
    lengths[-1] += num_moments - events.sum() - lengths.sum()
    places = np.sort(rng.choice(np.arange(1, num_scenes), size=num_events, replace=False)) if num_events else []
    return np.insert(lengths, places, events), np.insert(np.zeros(num_scenes, bool), places, True)


def _draw_backgrounds(rng, count: int) -> list[str]:
    """Neighbours differ."""
    chosen: list[str] = []
    for _ in range(count):
        chosen.append(str(rng.choice([name for name in BACKGROUND_COLOURS if name not in chosen[-1:]])))
    return chosen


def _draw_objects(rng, colours, *, span: tuple[int, int], moments: np.ndarray) -> tuple[WorldObject, ...]:
    lanes = ("whole",) if len(colours) == 1 else ("top", "bottom")
    start, end = span
    can_be_late = end - start >= LATE_ENTRY_SHARE * (len(moments) - 1)
    objects = []
    for colour, lane in zip(colours, lanes, strict=True):
        is_late = lane == "bottom" and can_be_late and rng.random() < 0.5
        objects.append(
            WorldObject(
                colour=colour,
                shape=str(rng.choice(SHAPES)),
                motion=str(rng.choice(list(MOTIONS))),
                lane=lane,
                enter_seconds=_in_seconds(moments[(start + end) // 2 if is_late else start]),
                leave_seconds=_in_seconds(moments[end]),
            )
        )
    return tuple(objects)


def _in_frames(seconds: tuple[float, float]) -> tuple[int, int]:
    return round(seconds[0] * FRAMES_PER_SECOND), round(seconds[1] * FRAMES_PER_SECOND)


def _in_seconds(frames: int) -> float:
    return round(int(frames) / FRAMES_PER_SECOND, 1)
