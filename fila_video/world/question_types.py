"""For each type of question, draws what is asked about a video and the answer that follows from its ground truth.

The drawn questions depend on the order in which these functions take random numbers, so that order is part of the data.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TypeVar

import numpy as np

from .ground_truth import FADE_SECONDS, Scene, Video, WorldObject
from .vocabulary import OBJECT_COLOURS, SHAPES


NOT_IN_THE_VIDEO = "It is not in the video."
# No question asks for a moment nearer to a change than this share of the video, or than a fade lasts.
CLEARANCE_SHARE = 1 / 48
Item = TypeVar("Item")


@dataclass(frozen=True)
class Draft:
    """
    A question before it is put into words.

    Args:
        words: Values for the placeholders of the templates in `wordings.py`.
        answer: The only correct answer.
        is_about_event: Whether the answer depends on a short event.
        choices: The answers between which the question offers a choice; empty for an open question.
    """

    words: dict[str, object]
    answer: str
    is_about_event: bool = False
    choices: tuple[str, ...] = ()


def with_article(name: str) -> str:
    """`red circle` -> `a red circle`."""
    return f"{'an' if name[0] in 'aeiou' else 'a'} {name}"


def listed(objects: Sequence[WorldObject]) -> str:
    """Names one or two objects, the upper one first: `a red circle and a blue ring`."""
    return " and ".join(with_article(item.name) for item in objects)


def _existence(video: Video, rng: np.random.Generator) -> Draft:
    choices = ("yes", "no")
    if rng.random() < 0.5:
        item = _pick(rng, video.objects)
        return Draft({"a": with_article(item.name)}, "yes", video.scene_of(item).is_event, choices)
    return Draft({"a": with_article(_absent_name(video, rng))}, "no", choices=choices)


def _absent(video: Video, rng: np.random.Generator) -> Draft:
    return Draft({"the": f"the {_absent_name(video, rng)}"}, NOT_IN_THE_VIDEO)


def _absent_name(video: Video, rng: np.random.Generator) -> str:
    """The name of an object that is not in the video. Half of the time, only its shape is wrong."""
    if rng.random() < 0.5:
        item = _pick(rng, video.objects)
        return f"{item.colour} {rng.choice([shape for shape in SHAPES if shape != item.shape])}"
    present = {item.name for item in video.objects}
    return str(rng.choice([f"{c} {s}" for c in OBJECT_COLOURS for s in SHAPES if f"{c} {s}" not in present]))


def _first(video: Video, rng: np.random.Generator) -> Draft:
    return Draft({}, listed(video.scenes[0].objects))


def _last(video: Video, rng: np.random.Generator) -> Draft:
    return Draft({}, listed(video.scenes[-1].objects))


def _order(video: Video, rng: np.random.Generator) -> Draft | None:
    in_order = [pair for pair in combinations(video.objects, 2) if pair[0].enter_seconds < pair[1].enter_seconds]
    if not in_order:
        return None
    pair = list(_pick(rng, in_order))
    earlier = pair[0]
    is_about_event = any(video.scene_of(item).is_event for item in pair)
    rng.shuffle(pair)
    names = tuple(f"the {item.name}" for item in pair)
    return Draft({"the": names[0], "other": names[1]}, f"the {earlier.name}", is_about_event, names)


def _before(video: Video, rng: np.random.Generator) -> Draft | None:
    return _about_neighbor(video, rng, step=-1)


def _after(video: Video, rng: np.random.Generator) -> Draft | None:
    return _about_neighbor(video, rng, step=1)


def _about_neighbor(video: Video, rng: np.random.Generator, *, step: int) -> Draft | None:
    """Names an object of a scene and asks for the objects of the scene before it (`step` -1) or after it (1)."""
    places = [place for place in range(len(video.scenes)) if 0 <= place + step < len(video.scenes)]
    if not places:
        return None
    place = int(rng.choice(places))
    scene, neighbor = video.scenes[place], video.scenes[place + step]
    item = _pick(rng, scene.objects)
    return Draft({"the": f"the {item.name}"}, listed(neighbor.objects), scene.is_event or neighbor.is_event)


def _count_scenes(video: Video, rng: np.random.Generator) -> Draft:
    return Draft({}, str(len(video.scenes)), _has_events(video))


def _count_objects(video: Video, rng: np.random.Generator) -> Draft:
    return Draft({}, str(len(video.objects)), _has_events(video))


def _shape(video: Video, rng: np.random.Generator) -> Draft:
    item = _pick(rng, video.objects)
    return Draft({"colour": item.colour}, item.shape, video.scene_of(item).is_event)


def _colour(video: Video, rng: np.random.Generator) -> Draft | None:
    shapes = [item.shape for item in video.objects]
    unique = [item for item in video.objects if shapes.count(item.shape) == 1]
    if not unique:
        return None
    item = _pick(rng, unique)
    return Draft({"shape": item.shape}, item.colour, video.scene_of(item).is_event)


def _colours(video: Video, rng: np.random.Generator) -> Draft:
    """Lists each shape with its color. In all other answers, the color comes before the shape."""
    return Draft({}, ", ".join(f"the {item.shape} is {item.colour}" for item in video.objects), _has_events(video))


def _background(video: Video, rng: np.random.Generator) -> Draft:
    return _about_object(video, rng, lambda item, scene: scene.background)


def _texture(video: Video, rng: np.random.Generator) -> Draft:
    return _about_object(video, rng, lambda item, scene: scene.texture)


def _motion(video: Video, rng: np.random.Generator) -> Draft:
    return _about_object(video, rng, lambda item, scene: item.motion)


def _when(video: Video, rng: np.random.Generator) -> Draft | None:
    """Leaves out objects that are there from the start: otherwise half of the answers would be "0.0 seconds"."""
    later = [item for item in video.objects if item.enter_seconds > 0]
    if not later:
        return None
    return _about_object(video, rng, lambda item, scene: f"{item.enter_seconds:.1f} seconds", later)


def _entries(video: Video, rng: np.random.Generator) -> Draft:
    parts = [f"{with_article(item.name)} at {item.enter_seconds:.1f} seconds" for item in video.objects]
    return Draft({}, ", ".join(parts), _has_events(video))


def _duration(video: Video, rng: np.random.Generator) -> Draft:
    return _about_object(video, rng, lambda item, scene: f"{item.leave_seconds - item.enter_seconds:.1f} seconds")


def _about_object(
    video: Video,
    rng: np.random.Generator,
    answer_of: Callable[[WorldObject, Scene], str],
    among: Sequence[WorldObject] | None = None,
) -> Draft:
    """Names an object, by default any of the video, and asks for something about it or its scene."""
    item = _pick(rng, among or video.objects)
    scene = video.scene_of(item)
    return Draft({"the": f"the {item.name}"}, answer_of(item, scene), scene.is_event)


def _at_second(video: Video, rng: np.random.Generator) -> Draft | None:
    """Asks what is visible at a whole second, at which the picture has not just changed and is not about to change."""
    clearance = max(FADE_SECONDS, CLEARANCE_SHARE * video.duration_seconds)
    changes = np.array([0.0, *(item.enter_seconds for item in video.objects), video.duration_seconds])
    inner = [second for second in range(1, int(video.duration_seconds)) if min(abs(changes - second)) >= clearance]
    if not inner:
        return None
    # The scene is drawn first: otherwise long scenes would be asked about more often than short ones.
    scenes = list(dict.fromkeys(video.scene_at(second) for second in inner))
    scene = _pick(rng, scenes)
    second = int(rng.choice([second for second in inner if video.scene_at(second) == scene]))
    visible = [item for item in scene.objects if item.enter_seconds <= second]
    return Draft({"seconds": second}, listed(visible), scene.is_event)


def _caption(video: Video, rng: np.random.Generator) -> Draft:
    parts = [f"at {scene.start_seconds:.1f} seconds {listed(scene.objects)}" for scene in video.scenes]
    return Draft({}, ", ".join(parts), _has_events(video))


def _has_events(video: Video) -> bool:
    return any(scene.is_event for scene in video.scenes)


def _pick(rng: np.random.Generator, items: Sequence[Item]) -> Item:
    return items[int(rng.integers(len(items)))]


# For each type: a function that drafts a question, or returns None if the video has no unambiguous one.
DRAFT_OF: dict[str, Callable[[Video, np.random.Generator], Draft | None]] = {
    "existence": _existence,
    "first": _first,
    "last": _last,
    "order": _order,
    "before": _before,
    "after": _after,
    "count_scenes": _count_scenes,
    "count_objects": _count_objects,
    "shape": _shape,
    "colour": _colour,
    "colours": _colours,
    "background": _background,
    "texture": _texture,
    "motion": _motion,
    "at_second": _at_second,
    "when": _when,
    "entries": _entries,
    "duration": _duration,
    "absent": _absent,
    "caption": _caption,
}
