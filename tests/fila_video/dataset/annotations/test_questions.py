"""Questions are answered by the captions, and ask only about scenes that can be identified."""

import random

import pytest

from fila_video.dataset.annotations.questions import ask, opening
from fila_video.dataset.scene import Scene


def scene(start: float, end: float, caption: str) -> Scene:
    return Scene(start, end, caption, f"{start}.mp4", "clips")


SCENES = [
    scene(0, 9.609, "A dog runs. It is brown."),
    scene(9.609, 20, "A cup is filled."),
    scene(20, 31.5, "A man juggles. He drops a ball."),
    scene(31.5, 40, "A rocket starts."),
]


def test_questions_are_answered_by_the_captions():
    asked = list(ask(SCENES, 40, random.Random(0)))
    assert {kind for kind, *_ in asked} == {"at_second", "after", "before", "order"}
    for kind, question, reply in asked:
        if kind == "at_second":
            second = float(question.removeprefix("What happens at ").removesuffix(" seconds?"))
            assert reply == next(s.caption for s in SCENES if s.start <= second < s.end)
        elif kind in ("after", "before"):
            named = next(place for place, s in enumerate(SCENES) if f'"{opening(s)}"' in question)
            assert reply == SCENES[named + (1 if kind == "after" else -1)].caption
        else:
            listed = dict(line.split(". ", 1) for line in question.split("\n")[1:])
            places = [
                [opening(s) for s in SCENES].index(listed[letter]) for letter in reply.removesuffix(".").split(", ")
            ]
            assert places == sorted(places) and len(places) == 3


def test_scenes_with_the_same_opening_are_not_asked_about():
    alike = [scene(0, 5, "A dog runs. First."), scene(5, 9, "A dog runs. Second.")]
    assert list(ask(alike, 10, random.Random(0))) == []
    assert {kind for kind, *_ in ask([*alike, scene(9, 12, "A cat.")], 10, random.Random(0))} == {"at_second"}


@pytest.mark.parametrize("count", [0, 1, 5])
def test_there_are_no_more_questions_than_requested_and_none_twice(count):
    questions = [question for _, question, _ in ask(SCENES, count, random.Random(3))]
    assert len(questions) <= count and len(set(questions)) == len(questions)
