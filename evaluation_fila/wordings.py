"""How questions are worded. The last wording of each type is held out: no model is trained on it."""

WORDINGS = {
    "existence": ("Is there {a} in the video?", "Does {a} appear?", "Can you see {a}?", "Does the video show {a}?"),
    "first": ("What is in the first scene?", "What does the first scene show?", "What is in the video's first scene?"),
    "last": ("What is in the last scene?", "What does the last scene show?", "What is in the video's last scene?"),
    "order": (
        "Which comes first, {the} or {other}?",
        "What appears earlier, {the} or {other}?",
        "Which one is first: {the} or {other}?",
    ),
    "before": (
        "What is in the scene before {the}?",
        "What comes right before {the}?",
        "Which objects are in the scene just before {the}?",
    ),
    "after": (
        "What is in the scene after {the}?",
        "What comes right after {the}?",
        "Which objects are in the scene just after {the}?",
    ),
    "count_scenes": ("How many scenes are there?", "How many scenes does the video have?", "Count the scenes."),
    "count_objects": ("How many objects are there?", "How many objects does the video show?", "Count the objects."),
    "shape": (
        "What shape is the {colour} object?",
        "Which shape is {colour}?",
        "What is the shape of the {colour} object?",
    ),
    "colour": ("What colour is the {shape}?", "Which colour does the {shape} have?", "What is the {shape}'s colour?"),
    "background": (
        "What colour is the background behind {the}?",
        "What is the background of {the}?",
        "Which background is behind {the}?",
    ),
    "texture": (
        "Is the background behind {the} plain, striped or dotted?",
        "What pattern is behind {the}?",
        "Which pattern does the background of {the} have?",
    ),
    "motion": ("Which way does {the} move?", "In what direction does {the} go?", "Where is {the} moving?"),
    "at_second": (
        "What is there at {seconds} seconds?",
        "What can be seen at {seconds} seconds?",
        "What does the video show at {seconds} seconds?",
    ),
    "when": ("When does {the} appear?", "When is {the} first seen?", "At what time does {the} appear?"),
    "duration": (
        "How long is {the} there?",
        "For how long can {the} be seen?",
        "How many seconds is {the} to be seen?",
    ),
    "absent": ("When does {the} appear?", "Which way does {the} move?", "What is the background of {the}?"),
    "caption": (
        "Describe the video with times.",
        "What happens when?",
        "List the scenes with their times.",
    ),
}
QUESTION_TYPES = tuple(WORDINGS)


def wordings_of(question_type: str, *, held_out: bool) -> tuple[str, ...]:
    """Templates of a type: those to train on, or the one held out."""
    templates = WORDINGS[question_type]
    return templates[-1:] if held_out else templates[:-1]
