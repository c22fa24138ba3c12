"""Questions about a video, with answers that follow from its ground truth and can be seen in its frames."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from .vocabulary import OBJECT_COLOURS, SHAPES
from .wordings import QUESTION_TYPES, wordings_of
from .world import FADE_SECONDS, Scene, Video, WorldObject


NOT_IN_THE_VIDEO = "It is not in the video."
# No question asks for a moment nearer to a change than this share of the video, or than a fade lasts.
CLEARANCE_SHARE = 1 / 48
# So many rounds of all types without a new question, and there are no more.
PATIENCE = 8


@dataclass(frozen=True)
class Question:
    """A question and its one right answer.

    Args:
        type: one of `QUESTION_TYPES`.
        is_about_event: the answer needs an event, which evenly spread frames may miss. That something is not in the
            video is no such answer: who misses the event gives it too.
        choices: the answers among which the text itself offers a choice, in its order; empty for an open question.
    """

    type: str
    text: str
    answer: str
    is_about_event: bool = False
    choices: tuple[str, ...] = ()


def ask_questions(
    video: Video,
    rng: np.random.Generator,
    count: int,
    *,
    held_out_wordings: bool = False,
    most_wordings: int | None = None,
    more_wordings: bool = False,
    types: Sequence[str] | None = None,
) -> list[Question]:
    """`count` different questions, their types as even as the video allows.

    Args:
        held_out_wordings: in words that no question of training has.
        most_wordings: of those of training, only the first so many of each type.
        more_wordings: also those of `MORE_WORDINGS`, for training.
        types: of `QUESTION_TYPES`, the only ones that are asked; a type named twice, twice as often. With them there
            are fewer questions if the video has no more, and perhaps none. Default: all.

    Raises:
        ValueError: `count` or `most_wordings` is below 1, `more_wordings` stands beside one of the two others, a type
            is unknown, or the video has fewer different questions than `count`.
    """
    for name, value in (("count", count), ("most_wordings", most_wordings)):
        if value is not None and value < 1:
            raise ValueError(f"{name}={value} must be at least 1.")
    check_types(types)
    found: dict[str, Question] = {}
    rounds_without = 0
    while len(found) < count and rounds_without < PATIENCE:
        known = len(found)
        for question_type in rng.permutation(types or QUESTION_TYPES):
            words = wordings_of(str(question_type), held_out=held_out_wordings, most=most_wordings, more=more_wordings)
            question = ask(video, str(question_type), rng, words)
            if question is not None and len(found) < count:
                found.setdefault(question.text, question)
        rounds_without = rounds_without + 1 if len(found) == known else 0
    if len(found) < count and not types:
        raise ValueError(f"No more than {len(found)} different questions were found for a video, asked for {count}.")
    return list(found.values())


def check_types(types: Sequence[str] | None) -> None:
    """Raises a `ValueError` if one of these is no type of question."""
    unknown = sorted(set(types or ()) - set(QUESTION_TYPES))
    if unknown:
        raise ValueError(f"types={unknown} are unknown; choose from {', '.join(QUESTION_TYPES)}.")


def ask(
    video: Video, question_type: str, rng: np.random.Generator, wordings: Sequence[str] | None = None
) -> Question | None:
    """A question of a type in one of these wordings (None: those of training), or None if none is unambiguous."""
    drawn = ASKING[question_type](video, rng)
    if drawn is None:
        return None
    words, answer, is_about_event, *choices = drawn
    template = str(rng.choice(wordings_of(question_type) if wordings is None else wordings))
    return Question(question_type, template.format(**words), answer, is_about_event, *choices)


def with_article(name: str) -> str:
    return f"{'an' if name[0] in 'aeiou' else 'a'} {name}"


def listed(objects: tuple[WorldObject, ...]) -> str:
    """`a red circle and a blue ring`; the upper one first."""
    return " and ".join(with_article(item.name) for item in objects)


def _existence(video: Video, rng):
    if rng.random() < 0.5:
        item = _pick(rng, video.objects)
        return {"a": with_article(item.name)}, "yes", video.scene_of(item).is_event, ("yes", "no")
    return {"a": with_article(_absent_name(video, rng))}, "no", False, ("yes", "no")


def _absent(video: Video, rng):
    return {"the": f"the {_absent_name(video, rng)}"}, NOT_IN_THE_VIDEO, False


def _absent_name(video: Video, rng) -> str:
    """Half the time only the shape is wrong."""
    if rng.random() < 0.5:
        item = _pick(rng, video.objects)
        return f"{item.colour} {rng.choice([shape for shape in SHAPES if shape != item.shape])}"
    present = {item.name for item in video.objects}
    return str(rng.choice([f"{c} {s}" for c in OBJECT_COLOURS for s in SHAPES if f"{c} {s}" not in present]))


def _first(video: Video, rng):
    return {}, listed(video.scenes[0].objects), False


def _last(video: Video, rng):
    return {}, listed(video.scenes[-1].objects), False


def _order(video: Video, rng):
    in_order = [pair for pair in combinations(video.objects, 2) if pair[0].enter_seconds < pair[1].enter_seconds]
    if not in_order:
        return None
    pair = list(_pick(rng, in_order))
    earlier = pair[0]
    is_about_event = any(video.scene_of(item).is_event for item in pair)
    rng.shuffle(pair)
    names = tuple(f"the {item.name}" for item in pair)
    return {"the": names[0], "other": names[1]}, f"the {earlier.name}", is_about_event, names


def _before(video: Video, rng):
    return _beside(video, rng, step=-1)


def _after(video: Video, rng):
    return _beside(video, rng, step=1)


def _beside(video: Video, rng, *, step: int):
    places = [place for place in range(len(video.scenes)) if 0 <= place + step < len(video.scenes)]
    if not places:
        return None
    place = int(rng.choice(places))
    scene, other = video.scenes[place], video.scenes[place + step]
    item = _pick(rng, scene.objects)
    return {"the": f"the {item.name}"}, listed(other.objects), scene.is_event or other.is_event


def _count_scenes(video: Video, rng):
    return {}, str(len(video.scenes)), _has_events(video)


def _count_objects(video: Video, rng):
    return {}, str(len(video.objects)), _has_events(video)


def _shape(video: Video, rng):
    item = _pick(rng, video.objects)
    return {"colour": item.colour}, item.shape, video.scene_of(item).is_event


def _colour(video: Video, rng):
    shapes = [item.shape for item in video.objects]
    unique = [item for item in video.objects if shapes.count(item.shape) == 1]
    if not unique:
        return None
    item = _pick(rng, unique)
    return {"shape": item.shape}, item.colour, video.scene_of(item).is_event


def _colours(video: Video, rng):
    """The shape first: in every other answer its colour stands before it, and so leads to it."""
    return {}, ", ".join(f"the {item.shape} is {item.colour}" for item in video.objects), _has_events(video)


def _background(video: Video, rng):
    return _about_object(video, rng, lambda item, scene: scene.background)


def _texture(video: Video, rng):
    return _about_object(video, rng, lambda item, scene: scene.texture)


def _motion(video: Video, rng):
    return _about_object(video, rng, lambda item, scene: item.motion)


def _when(video: Video, rng):
    """Not of what is there from the start: it does not appear, and "0.0 seconds" would be right half of the time."""
    later = [item for item in video.objects if item.enter_seconds > 0]
    if not later:
        return None
    return _about_object(video, rng, lambda item, scene: f"{item.enter_seconds:.1f} seconds", later)


def _entries(video: Video, rng):
    parts = [f"{with_article(item.name)} at {item.enter_seconds:.1f} seconds" for item in video.objects]
    return {}, ", ".join(parts), _has_events(video)


def _duration(video: Video, rng):
    return _about_object(video, rng, lambda item, scene: f"{item.leave_seconds - item.enter_seconds:.1f} seconds")


def _about_object(
    video: Video, rng, answer_of: Callable[[WorldObject, Scene], str], among: Sequence[WorldObject] | None = None
):
    item = _pick(rng, among or video.objects)
    scene = video.scene_of(item)
    return {"the": f"the {item.name}"}, answer_of(item, scene), scene.is_event


def _at_second(video: Video, rng):
    """A whole second at which the picture is what it has been for a while, and stays so."""
    clearance = max(FADE_SECONDS, CLEARANCE_SHARE * video.duration_seconds)
    changes = np.array([0.0, *(item.enter_seconds for item in video.objects), video.duration_seconds])
    inner = [second for second in range(1, int(video.duration_seconds)) if min(abs(changes - second)) >= clearance]
    if not inner:
        return None
    # A scene is drawn first: a long one must not be asked about more often than a short one.
    scenes = list(dict.fromkeys(video.scene_at(second) for second in inner))
    scene = _pick(rng, scenes)
    second = int(rng.choice([second for second in inner if video.scene_at(second) == scene]))
    visible = tuple(item for item in scene.objects if item.enter_seconds <= second)
    return {"seconds": second}, listed(visible), scene.is_event


def _caption(video: Video, rng):
    parts = [f"at {scene.start_seconds:.1f} seconds {listed(scene.objects)}" for scene in video.scenes]
    return {}, ", ".join(parts), _has_events(video)


def _has_events(video: Video) -> bool:
    return any(scene.is_event for scene in video.scenes)


def _pick(rng, items):
    return items[int(rng.integers(len(items)))]


ASKING = {
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
