"""How questions are worded. The last wording of each type is held out: no model is trained on it.

The texts are data, on which the small model was trained: their spelling and their order stay as they are.
"""

from itertools import chain

from .more_wordings import MORE_WORDINGS


BACKGROUND = (
    "What colour is the background behind {the}?",
    "What is the background of {the}?",
    "Which background is behind {the}?",
    "What is behind {the}?",
    "Which colour is the background of {the}?",
    "What background does {the} have?",
    "What colour is the background of {the}?",
)
MOTION = (
    "Which way does {the} move?",
    "In what direction does {the} go?",
    "Where is {the} moving?",
    "In which direction does {the} move?",
    "Where does {the} go?",
    "Which way is {the} moving?",
    "In what direction is {the} moving?",
)
WHEN = (
    "When does {the} appear?",
    "When is {the} first seen?",
    "At what time does {the} appear?",
    "When does {the} come?",
    "When can {the} first be seen?",
    "At what time is {the} first seen?",
    "At what time does {the} come?",
)
# Questions about an object that is not in the video use the wordings of three other types.
ABSENT = (BACKGROUND, MOTION, WHEN)
WORDINGS = {
    "existence": (
        "Is there {a} in the video?",
        "Does {a} appear?",
        "Can you see {a}?",
        "Is {a} to be seen?",
        "Does the video show {a}?",
        "Is {a} shown?",
        "Does {a} appear in the video?",
        "Can you see {a} in the video?",
    ),
    "first": (
        "What is in the first scene?",
        "What does the first scene show?",
        "What is there in the first scene?",
        "Which objects are in the first scene?",
        "What can be seen in the first scene?",
        "What does the video show first?",
        "Which objects does the first scene show?",
    ),
    "last": (
        "What is in the last scene?",
        "What does the last scene show?",
        "What is there in the last scene?",
        "Which objects are in the last scene?",
        "What can be seen in the last scene?",
        "What does the video show last?",
        "Which objects does the last scene show?",
    ),
    "order": (
        "Which comes first, {the} or {other}?",
        "What appears earlier, {the} or {other}?",
        "Which one is first: {the} or {other}?",
        "Which appears first, {the} or {other}?",
        "What comes earlier: {the} or {other}?",
        "Which is shown earlier, {the} or {other}?",
        "Which one appears earlier, {the} or {other}?",
    ),
    "before": (
        "What is in the scene before {the}?",
        "What comes right before {the}?",
        "Which objects are in the scene just before {the}?",
        "What does the scene before {the} show?",
        "What is shown right before {the}?",
        "What comes before {the}?",
        "What does the video show right before {the}?",
    ),
    "after": (
        "What is in the scene after {the}?",
        "What comes right after {the}?",
        "Which objects are in the scene just after {the}?",
        "What does the scene after {the} show?",
        "What is shown right after {the}?",
        "What comes after {the}?",
        "What does the video show right after {the}?",
    ),
    "count_scenes": (
        "How many scenes are there?",
        "How many scenes does the video have?",
        "Count the scenes.",
        "How many scenes are in the video?",
        "What is the number of scenes?",
        "How many scenes does the video show?",
    ),
    "count_objects": (
        "How many objects are there?",
        "How many objects does the video have?",
        "Count the objects.",
        "How many objects are in the video?",
        "What is the number of objects?",
        "How many objects does the video show?",
    ),
    "shape": (
        "What shape is the {colour} object?",
        "Which shape is {colour}?",
        "What is the shape of the {colour} object?",
        "Which shape does the {colour} object have?",
        "The {colour} object: what shape is it?",
        "What shape does the {colour} object have?",
    ),
    "colour": (
        "What colour is the {shape}?",
        "Which colour does the {shape} have?",
        "What is the colour of the {shape}?",
        "Which colour is the {shape}?",
        "The {shape}: what colour is it?",
        "What colour does the {shape} have?",
    ),
    "colours": (
        "What colour does each shape have?",
        "List the shapes with their colours.",
        "Which colour does each shape have?",
        "What is the colour of each shape?",
        "Which colours do the shapes have?",
        "What colours do the shapes have?",
    ),
    "background": BACKGROUND,
    "texture": (
        "Is the background behind {the} plain, striped or dotted?",
        "What pattern is behind {the}?",
        "Which pattern does the background of {the} have?",
        "What is the pattern behind {the}?",
        "Which pattern is behind {the}?",
        "What pattern does the background of {the} have?",
    ),
    "motion": MOTION,
    "at_second": (
        "What is there at {seconds} seconds?",
        "What can be seen at {seconds} seconds?",
        "What is shown at {seconds} seconds?",
        "Which objects are there at {seconds} seconds?",
        "At {seconds} seconds, what is there?",
        "At {seconds} seconds, what can be seen?",
        "What does the video show at {seconds} seconds?",
    ),
    "when": WHEN,
    "entries": (
        "When does each object appear?",
        "List the objects with their times.",
        "At what time does each object appear?",
        "When is each object first seen?",
        "When does each object come?",
        "When can each object first be seen?",
    ),
    "duration": (
        "How long is {the} there?",
        "For how long can {the} be seen?",
        "How many seconds is {the} to be seen?",
        "How long can {the} be seen?",
        "For how long is {the} there?",
        "How long does {the} stay?",
        "For how long is {the} to be seen?",
    ),
    "absent": ABSENT,
    "caption": (
        "Describe the video with times.",
        "What happens when?",
        "List the scenes with their times.",
        "Which scenes does the video have, and when?",
        "Describe the scenes with times.",
        "List what the video shows with times.",
        "Describe the scenes with their times.",
    ),
}
QUESTION_TYPES = tuple(WORDINGS)


def wordings_of(
    question_type: str, *, held_out: bool = False, most: int | None = None, more: bool = False
) -> tuple[str, ...]:
    """
    Templates of the questions of a type. By default, all wordings for training.

    Args:
        question_type: One of `QUESTION_TYPES`.
        held_out: Return only the wording that is held out from training.
        most: Return at most this number of wordings, the first ones.
        more: Return also the additional wordings of `MORE_WORDINGS`.

    Raises:
        ValueError: If `more` is combined with one of the other two.
    """
    if more and (held_out or most is not None):
        raise ValueError(f"More wordings are for training; they exclude held_out={held_out} and most={most}.")
    groups = _groups(WORDINGS[question_type])
    if held_out:
        return groups[0][-1:]
    others = _groups(MORE_WORDINGS[question_type]) if more else ()
    return (*(template for group in groups for template in group[:-1][:most]), *chain.from_iterable(others))


def _groups(words: tuple) -> tuple[tuple[str, ...], ...]:
    """The wordings of a type in groups: three groups for `absent`, one for any other type."""
    return (words,) if isinstance(words[0], str) else words
