"""Chance levels that can be computed by hand."""

import pytest

from fila_video.world.chance_levels import chance_levels
from fila_video.world.questions import Question


def asked(question_type, *answers, seconds=24.0, choices=()):
    return [(Question(question_type, "", answer, choices=choices), seconds) for answer in answers]


def test_an_open_question_is_guessed_by_its_most_frequent_answer():
    assert chance_levels(asked("shape", "ring", "ring", "ring", "cross")) == {"shape": 0.75}


def test_a_choice_is_guessed_by_its_place():
    first, second = "the red ring", "the blue ring"
    questions = asked("order", first, first, second, choices=(first, second))
    questions += asked("order", "the pink cross", choices=("the pink cross", "the red circle"))
    assert chance_levels(questions) == {"order": 0.75}


def test_a_time_is_guessed_as_a_share_of_the_length():
    # two at a quarter of the video's length, and one far away
    questions = (
        asked("when", "6.0 seconds") + asked("when", "24.0 seconds", seconds=96.0) + asked("when", "23.0 seconds")
    )
    assert chance_levels(questions) == {"when": pytest.approx(2 / 3)}


def test_absent_objects_are_guessed_by_their_share_among_questions_with_the_same_wordings():
    questions = asked("absent", "It is not in the video.") + asked("motion", "left", "up", "down") + asked("first", "x")
    assert chance_levels(questions)["absent"] == 0.25
