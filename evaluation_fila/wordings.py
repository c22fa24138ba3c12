"""How questions are worded. The last wording of each type is held out: no model is trained on it."""

from itertools import chain


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
# What is not there is asked about in the words of three other types.
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
# More to train on, for `more`: so that an answer does not hang on the wording. In words of the others alone, as a model
# that is trained from nothing knows no more.
MORE_BACKGROUND = (
    "Which background does {the} have?",
    "What colour is behind {the}?",
    "Which colour is behind {the}?",
    "What is the colour behind {the}?",
    "What is the colour of the background behind {the}?",
)
MORE_MOTION = (
    "Which way does {the} go?",
    "In which direction is {the} moving?",
    "In which direction does {the} go?",
    "In what direction does {the} move?",
    "What is the direction of {the}?",
)
MORE_WHEN = (
    "When is {the} first there?",
    "When is {the} first shown?",
    "When does {the} first appear?",
    "At what time does {the} first appear?",
    "At what time is {the} first shown?",
    "At what time can {the} first be seen?",
)
MORE_WORDINGS = {
    "existence": (
        "Is there {a}?",
        "Is {a} there?",
        "Is {a} in the video?",
        "Is {a} shown in the video?",
        "Can {a} be seen?",
        "Can {a} be seen in the video?",
        "Does the video have {a}?",
    ),
    "first": (
        "What can you see in the first scene?",
        "What is shown in the first scene?",
        "Which objects can be seen in the first scene?",
        "The first scene: what is there?",
        "The first scene: what does it show?",
        "What does the video show in the first scene?",
    ),
    "last": (
        "What can you see in the last scene?",
        "What is shown in the last scene?",
        "Which objects can be seen in the last scene?",
        "The last scene: what is there?",
        "The last scene: what does it show?",
        "What does the video show in the last scene?",
    ),
    "order": (
        "Which is there first, {the} or {other}?",
        "Which comes earlier, {the} or {other}?",
        "Which one comes first, {the} or {other}?",
        "What is shown first: {the} or {other}?",
        "Which can be seen earlier, {the} or {other}?",
    ),
    "before": (
        "What is in the scene right before {the}?",
        "What is there in the scene before {the}?",
        "What is shown in the scene before {the}?",
        "What can be seen in the scene right before {the}?",
        "Which objects does the scene before {the} show?",
        "The scene before {the}: what is there?",
    ),
    "after": (
        "What is in the scene right after {the}?",
        "What is there in the scene after {the}?",
        "What is shown in the scene after {the}?",
        "What can be seen in the scene right after {the}?",
        "Which objects does the scene after {the} show?",
        "The scene after {the}: what is there?",
    ),
    "count_scenes": (
        "How many scenes can be seen?",
        "How many scenes can you see?",
        "How many scenes are shown?",
        "The scenes: how many are there?",
        "What is the number of scenes in the video?",
    ),
    "count_objects": (
        "How many objects can be seen?",
        "How many objects can you see?",
        "How many objects are shown?",
        "The objects: how many are there?",
        "What is the number of objects in the video?",
    ),
    "shape": (
        "What shape is {colour}?",
        "Which shape is the {colour} object?",
        "What shape is the {colour} one?",
        "What is the shape of the {colour} one?",
    ),
    "colour": (
        "What colour is the {shape} in the video?",
        "In what colour is the {shape} shown?",
        "In which colour is the {shape}?",
    ),
    "colours": (
        "List the shapes and their colours.",
        "List the colours of the shapes.",
        "What colours are the shapes?",
        "Which colours are the shapes?",
        "Each shape: what colour is it?",
        "In which colour is each shape?",
    ),
    "background": MORE_BACKGROUND,
    "texture": (
        "Plain, striped or dotted: what is behind {the}?",
        "What pattern is the background of {the}?",
        "What is the pattern of the background behind {the}?",
        "What pattern can be seen behind {the}?",
        "Which pattern can be seen behind {the}?",
    ),
    "motion": MORE_MOTION,
    "at_second": (
        "What is in the video at {seconds} seconds?",
        "Which objects can be seen at {seconds} seconds?",
        "At {seconds} seconds, which objects are there?",
        "At {seconds} seconds, what is shown?",
        "What can you see at {seconds} seconds?",
    ),
    "when": MORE_WHEN,
    "entries": (
        "List the objects and their times.",
        "When does each object first appear?",
        "When is each object first shown?",
        "When is each object first there?",
        "At what time does each object come?",
        "At what time is each object first seen?",
        "When do the objects appear?",
        "When do the objects come?",
    ),
    "duration": (
        "How long is {the} shown?",
        "How long is {the} to be seen?",
        "For how long is {the} shown?",
        "For how many seconds is {the} there?",
        "How many seconds can {the} be seen?",
    ),
    "absent": (MORE_BACKGROUND, MORE_MOTION, MORE_WHEN),
    "caption": (
        "List the scenes and their times.",
        "What happens in the video, and when?",
        "Which scenes does the video show, and when?",
        "Which scenes are there, and when?",
        "Describe what happens with times.",
        "Describe what the video shows with times.",
    ),
}
QUESTION_TYPES = tuple(WORDINGS)


def wordings_of(
    question_type: str, *, held_out: bool = False, most: int | None = None, more: bool = False
) -> tuple[str, ...]:
    """
    Templates of a type: those to train on (`most`: only the first so many; `more`: also those of `MORE_WORDINGS`), or
    the one held out.

    Raises:
        ValueError: `more` together with one of the others.
    """
    if more and (held_out or most is not None):
        raise ValueError(f"more wordings are for training, not with held_out={held_out} or most={most}.")
    groups = _groups(WORDINGS[question_type])
    if held_out:
        return groups[0][-1:]
    others = _groups(MORE_WORDINGS[question_type]) if more else ()
    return (*(template for group in groups for template in group[:-1][:most]), *chain.from_iterable(others))


def _groups(words: tuple) -> tuple[tuple[str, ...], ...]:
    """The wordings of a type: of most types one group, of `absent` those of three."""
    return (words,) if isinstance(words[0], str) else words
