"""The text of caption samples, compared with text written by hand."""

from fila_video.dataset.annotations.captions import REQUESTS, answer, read_answer, request, user_turn
from fila_video.dataset.scene import Scene


SCENES = [
    Scene(0, 9.609, "A dog runs. It is brown.", "0.mp4", "clips"),
    Scene(9.609, 20, "A cup is filled.", "1.mp4", "clips"),
]


def test_the_answer_has_a_line_for_each_scene_and_can_be_read_back():
    text = "0.00 - 9.61: A dog runs. It is brown.\n9.61 - 20.00: A cup is filled."
    assert answer(SCENES) == text
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
