"""Every answer follows from the ground truth, whatever the wording, and all types of questions are asked."""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict
from itertools import chain

import numpy as np
import pytest

from fila_video.world.draw_video import draw_video
from fila_video.world.question_types import NOT_IN_THE_VIDEO
from fila_video.world.questions import ask, ask_questions
from fila_video.world.wordings import QUESTION_TYPES, wordings_of
from fila_video.world.world_options import WorldOptions
from tests.fila_video.world.answers import answer_from


WORLDS = {"usual": WorldOptions(), "events": WorldOptions(scenes=(3, 5), events=(1, 2))}


def drawn(world: str, count: int = 60, **options):
    for seed in range(count):
        rng = np.random.default_rng(seed)
        video = draw_video(rng, WORLDS[world])
        yield video, ask_questions(video, rng, 18, **options)


@pytest.mark.parametrize("world", WORLDS)
@pytest.mark.parametrize("wordings", [{}, {"held_out_wordings": True}, {"more_wordings": True}], ids=str)
def test_an_independent_reading_of_the_truth_gives_the_same_answers(world, wordings):
    for video, questions in drawn(world, **wordings):
        for question in questions:
            assert answer_from(asdict(video), question.type, question.text) == question.answer, question


def test_types_are_asked_evenly():
    counts = Counter(question.type for _, questions in drawn("usual", 200) for question in questions)
    assert set(counts) == set(QUESTION_TYPES)
    assert min(counts.values()) > 0.8 * max(counts.values()), counts


def test_yes_and_no_are_equally_frequent():
    rng = np.random.default_rng(0)
    video = draw_video(rng)
    answers = Counter(ask(video, "existence", rng).answer for _ in range(1000))
    assert 430 < answers["yes"] < 570  # more than four standard deviations around 500


def test_questions_about_events_are_marked():
    for video, questions in drawn("events"):
        of_events = {item.name for item in video.objects if video.scene_of(item).is_event}
        for question in questions:
            names_an_event = any(name in f"{question.text} {question.answer}" for name in of_events)
            assert question.is_about_event or not names_an_event, question
    assert not any(question.is_about_event for _, questions in drawn("usual") for question in questions)


def test_questions_about_absent_objects_are_not_about_events():
    """A model that misses the event gives the correct answer too."""
    absent = [
        question for _, asked in drawn("events") for question in asked if question.answer in ("no", NOT_IN_THE_VIDEO)
    ]
    assert len(absent) > 60 and not any(question.is_about_event for question in absent)


def test_no_question_asks_when_an_object_appears_that_is_there_from_the_start():
    answers = [question.answer for _, asked in drawn("usual", 200) for question in asked if question.type == "when"]
    assert len(answers) > 150 and "0.0 seconds" not in answers


def test_some_types_alone():
    """A type that is named twice is asked about more often. There are no more questions than the video has."""
    rng = np.random.default_rng(0)
    video = draw_video(rng)
    asked = ask_questions(video, rng, 40, types=("colour", "existence", "existence"))
    counts = Counter(question.type for question in asked)
    assert set(counts) == {"colour", "existence"} and len(asked) == 40 and counts["existence"] > counts["colour"]
    assert {question.text for question in ask_questions(video, rng, 40, types=("caption",), most_wordings=2)} == set(
        wordings_of("caption", most=2)
    )
    one_scene = draw_video(rng, WorldOptions(scenes=(1, 1), seconds=(4.0, 4.0), pair_probability=0))
    assert ask_questions(one_scene, rng, 4, types=("before",)) == []
    with pytest.raises(ValueError, match="taste.*unknown; choose from existence"):
        ask_questions(video, rng, 4, types=("colour", "taste"))


def test_no_question_asks_for_a_moment_close_to_a_change():
    for video, _ in drawn("usual"):
        for seed in range(5):
            question = ask(video, "at_second", np.random.default_rng(seed))
            second = int("".join(filter(str.isdigit, question.text)))
            changes = [0, video.duration_seconds, *(item.enter_seconds for item in video.objects)]
            assert min(abs(second - change) for change in changes) >= video.duration_seconds / 48


def test_held_out_wordings_are_never_those_of_training():
    def texts(**options):
        asked = (question for _, questions in drawn("usual", 100, **options) for question in questions)
        return {question.text for question in asked if question.type in ("first", "last", "caption", "count_scenes")}

    assert len(texts()) == 6 + 6 + 6 + 5 and len(texts(held_out_wordings=True)) == 4
    assert not texts() & texts(held_out_wordings=True)


def test_fewer_wordings_are_some_of_those_of_training():
    def texts(**options):
        asked = (question for _, questions in drawn("usual", 60, **options) for question in questions)
        return {question.text for question in asked if question.type in ("first", "count_scenes")}

    few = texts(most_wordings=2)
    assert len(few) == 4 and few < texts()
    # Questions about absent objects have the wordings of three types, two of each.
    assert len(wordings_of("absent", most=2)) == 6
    assert set(wordings_of("absent", most=2)) < set(wordings_of("absent"))
    with pytest.raises(ValueError, match="most_wordings=0"):
        next(drawn("usual", most_wordings=0))


def words_of(templates: Iterable[str]) -> set[str]:
    return {word for text in templates for word in re.findall(r"[\w']+", text.lower())}


@pytest.mark.parametrize("options", [{"held_out": True}, {"more": True}], ids=["held_out", "more"])
def test_all_wordings_are_in_words_of_training(options):
    """A model that is trained from nothing knows no other words."""
    trained, others = (
        words_of(chain.from_iterable(wordings_of(name, **given) for name in QUESTION_TYPES)) for given in ({}, options)
    )
    assert others <= trained
    assert all(len(wordings_of(name)) >= 5 for name in QUESTION_TYPES)


def test_more_wordings_are_for_training_alone():
    held_out = set(chain.from_iterable(wordings_of(name, held_out=True) for name in QUESTION_TYPES))
    for name in QUESTION_TYPES:
        more = wordings_of(name, more=True)
        assert set(more) > set(wordings_of(name)) and len(set(more)) == len(more) and not set(more) & held_out
    texts, more = (
        {question.text for _, asked in drawn("usual", 60, **given) for question in asked if question.type == "caption"}
        for given in ({}, {"more_wordings": True})
    )
    assert more & texts and more - texts
    for others in ({"held_out": True}, {"most": 2}):
        with pytest.raises(ValueError, match="More wordings are for training"):
            wordings_of("caption", more=True, **others)


def test_a_video_has_only_so_many_questions():
    rng = np.random.default_rng(0)
    video = draw_video(rng)
    assert len({question.text for question in ask_questions(video, rng, 40)}) == 40
    with pytest.raises(ValueError, match="but 100000 were requested"):
        ask_questions(video, rng, 100000)
    with pytest.raises(ValueError, match="count=0"):
        ask_questions(video, rng, 0)
