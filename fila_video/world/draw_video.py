"""Draws the ground truth of a video at random: how many scenes, how long, and what is in them.

"Moments" are the frames on which something may begin. Lengths are counted in moments before they become seconds.
"""

from collections.abc import Sequence

import numpy as np

from processing_fila.frame_sampling import sample_frame_indices

from .ground_truth import EVENT_SECONDS, FRAMES_PER_SECOND, Scene, Video, WorldObject
from .vocabulary import BACKGROUND_COLOURS, MOTIONS, OBJECT_COLOURS, SHAPES, TEXTURES
from .world_options import USUAL_WORLD, WorldOptions, in_frames


CUT_PROBABILITY = 0.7  # otherwise a scene fades in; the first scene and events never fade in
# A second object may enter later than its scene begins if the scene lasts at least this share of the video.
LATE_ENTRY_SHARE = 0.25
# Smaller values make the lengths of scenes more unequal.
LENGTH_CONCENTRATION = 0.8


def draw_video(rng: np.random.Generator, options: WorldOptions = USUAL_WORLD) -> Video:
    """Draws a video. The same state of `rng` gives the same video."""
    num_scenes = int(rng.integers(options.scenes[0], options.scenes[1] + 1))
    num_events = int(rng.integers(options.events[0], options.events[1] + 1))
    total_frames = int(rng.integers(*options.total_frames, endpoint=True))
    moments = _draw_moments(rng, total_frames, options)
    lengths, is_event = _draw_lengths(rng, num_scenes, num_events, len(moments) - 1, options.shortest_share)
    scenes = _draw_scenes(rng, lengths, is_event, moments, options)
    shown = tuple(map(_in_seconds, moments[:-1])) if options.uneven else None
    return Video(_in_seconds(total_frames), scenes, shown)


def _draw_moments(rng: np.random.Generator, total_frames: int, options: WorldOptions) -> np.ndarray:
    """The numbers of the frames on which something may begin, and then the end of the video, in frames."""
    num_moments = options.changes_on_frames
    if num_moments is None:
        return np.arange(total_frames + 1)
    if options.uneven:
        between = rng.choice(np.arange(1, total_frames - 1), size=num_moments - 2, replace=False)
        return np.array([0, *sorted(between), total_frames - 1, total_frames])
    frame_seconds = np.arange(total_frames) / FRAMES_PER_SECOND
    return np.append(sample_frame_indices(frame_seconds, num_frames=num_moments, max_frames=num_moments), total_frames)


def _draw_lengths(
    rng: np.random.Generator, num_scenes: int, num_events: int, num_moments: int, shortest_share: float
) -> tuple[np.ndarray, np.ndarray]:
    """
    Draws very unequal lengths of scenes, which add up to `num_moments`, and puts events between the scenes.

    Returns:
        The length of each scene in moments, and whether it is an event, both `(scenes + events,)`.
    """
    shortest_event, longest_event = in_frames(EVENT_SECONDS)
    events = rng.integers(shortest_event, longest_event, size=num_events, endpoint=True)
    shortest = max(int(np.ceil(num_moments * shortest_share)), 1)
    free = num_moments - events.sum() - shortest * num_scenes
    if free < 0:
        raise ValueError(f"{num_scenes} scenes and {num_events} events do not fit into {num_moments} frames.")
    lengths = shortest + np.floor(rng.dirichlet(np.full(num_scenes, LENGTH_CONCENTRATION)) * free).astype(int)
    lengths[-1] += num_moments - events.sum() - lengths.sum()
    if not num_events:
        return lengths, np.zeros(num_scenes, bool)
    places = np.sort(rng.choice(np.arange(1, num_scenes), size=num_events, replace=False))
    return np.insert(lengths, places, events), np.insert(np.zeros(num_scenes, bool), places, True)


def _draw_scenes(
    rng: np.random.Generator, lengths: np.ndarray, is_event: np.ndarray, moments: np.ndarray, options: WorldOptions
) -> tuple[Scene, ...]:
    backgrounds = _draw_backgrounds(rng, len(lengths))
    colours = [str(colour) for colour in rng.permutation(list(OBJECT_COLOURS))]
    scenes = []
    for place, (length, end) in enumerate(zip(lengths, np.cumsum(lengths), strict=True)):
        # Every later scene needs at least one color.
        spare_colours = len(colours) - (len(lengths) - place)
        has_pair = not is_event[place] and spare_colours > 0 and rng.random() < options.pair_probability
        objects = _draw_objects(rng, [colours.pop() for _ in range(1 + has_pair)], (end - length, end), moments)
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
    return tuple(scenes)


def _draw_backgrounds(rng: np.random.Generator, count: int) -> list[str]:
    """Draws background colors, of which no two neighbors are the same."""
    chosen: list[str] = []
    for _ in range(count):
        chosen.append(str(rng.choice([name for name in BACKGROUND_COLOURS if name not in chosen[-1:]])))
    return chosen


def _draw_objects(
    rng: np.random.Generator, colours: Sequence[str], span: tuple[int, int], moments: np.ndarray
) -> tuple[WorldObject, ...]:
    """Draws one object for each color, in a scene that lasts from the first moment of `span` to the second."""
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


def _in_seconds(frames: int) -> float:
    return round(int(frames) / FRAMES_PER_SECOND, 1)
