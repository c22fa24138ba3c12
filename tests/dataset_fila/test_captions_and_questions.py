"""The words of the samples, by hand."""

import random

import pytest

from dataset_fila.captions import REQUESTS, answer, read_answer, request, user_turn
from dataset_fila.questions import ask, opening
from dataset_fila.timeline import Scene


def scene(start: float, end: float, caption: str) -> Scene:
    return Scene(start, end, caption, f"{start}.mp4", "clips")


SCENES = [
    scene(0, 9.609, "A dog runs. It is brown."),
    scene(9.609, 20, "A cup is filled."),
    scene(20, 31.5, "A man juggles. He drops a ball."),
    scene(31.5, 40, "A rocket starts."),
]


def test_the_answer_is_a_line_for_each_scene_and_can_be_read_back():
    text = "0.00 - 9.61: A dog runs. It is brown.\n9.61 - 20.00: A cup is filled."
    assert answer(SCENES[:2]) == text
    assert read_answer(text) == [(0, 9.61, "A dog runs. It is brown."), (9.61, 20, "A cup is filled.")]
    assert read_answer("No scenes here, from 1 - 2: nothing.") == []


def test_the_users_turn_with_and_without_the_sentence():
    assert user_turn("Why?", [0, 2.5, 5], 6) == (
        "<image>\nThis video samples 3 frames of a 6.0-second video at 0.0, 2.5, 5.0 seconds.\nWhy?"
    )
    assert user_turn("Why?", None, 6) == "<image>\nWhy?"


def test_the_request_depends_on_video_and_seed_alone():
    asked = [request(f"long-{number:06d}", 0) for number in range(100)]
    assert set(asked) == set(REQUESTS)
    assert asked == [request(f"long-{number:06d}", 0) for number in range(100)]
    assert asked != [request(f"long-{number:06d}", 1) for number in range(100)]


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


def test_scenes_that_cannot_be_told_apart_are_not_asked_about():
    alike = [scene(0, 5, "A dog runs. First."), scene(5, 9, "A dog runs. Second.")]
    assert list(ask(alike, 10, random.Random(0))) == []
    assert {kind for kind, *_ in ask([*alike, scene(9, 12, "A cat.")], 10, random.Random(0))} == {"at_second"}


@pytest.mark.parametrize("count", [0, 1, 5])
def test_no_more_questions_than_asked_for_and_none_twice(count):
    questions = [question for _, question, _ in ask(SCENES, count, random.Random(3))]
    assert len(questions) <= count and len(set(questions)) == len(questions)
