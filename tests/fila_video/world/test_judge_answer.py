"""Which answers count as correct."""

import pytest

from fila_video.world.judge_answer import is_correct, tolerance_seconds


CAPTION = "at 0.0 seconds a red circle, at 5.0 seconds an orange ring and a blue cross"

COLOURS = "the circle is red, the ring is orange"
ENTRIES = "a red circle at 0.0 seconds, an orange ring at 5.0 seconds"


@pytest.mark.parametrize(
    ("question_type", "given", "truth", "expected"),
    [
        ("shape", "Circle.", "circle", True),
        ("shape", "a ring", "circle", False),
        ("shape", "", "circle", False),
        ("first", "an orange ring and a red circle", "a red circle and an orange ring", True),
        ("first", "a red circle", "a red circle and an orange ring", False),
        ("first", "a red circle and a red circle", "a red circle", False),
        ("count_scenes", "13", "3", False),
        ("absent", "it is not in the video", "It is not in the video.", True),
        # The video lasts 24 s: 0.5 + 24 / 48 = 1 s
        ("when", "6.0 seconds", "5.0 seconds", True),
        ("when", "6.1 seconds", "5.0 seconds", False),
        ("when", "5", "5.0 seconds", True),
        ("when", "It is not in the video.", "5.0 seconds", False),
        ("when", "5.0 seconds and 9.0 seconds", "5.0 seconds", False),
        ("duration", "4.0 seconds", "5.0 seconds", True),
        ("duration", "3.9 seconds", "5.0 seconds", False),
        ("caption", CAPTION, CAPTION, True),
        ("caption", "At 0.5 seconds a red circle, at 4.4 seconds a blue cross and an orange ring", CAPTION, True),
        ("caption", "at 0.0 seconds a red circle", CAPTION, False),
        ("caption", CAPTION.replace("5.0", "7.0"), CAPTION, False),
        ("caption", CAPTION.replace("red", "pink"), CAPTION, False),
        ("caption", "a red circle, then an orange ring", CAPTION, False),
        ("caption", CAPTION + ", at 9.0 seconds a cyan ring", CAPTION, False),
        ("caption", CAPTION.replace(", at", ".\nAt") + "!", CAPTION, True),
        ("caption", CAPTION.replace("seconds", "seconds,"), CAPTION, True),
        ("caption", ", ".join(CAPTION.split(", ")[::-1]), CAPTION, False),
        ("entries", ENTRIES, ENTRIES, True),
        ("entries", "A red circle at 0.4 seconds, an orange ring at 5.8 seconds.", ENTRIES, True),
        ("entries", "a red circle at 0.0 seconds. An orange ring at 5.0 seconds", ENTRIES, True),
        ("entries", "a red circle at 0.0 seconds,\nand an orange ring at 5.0 seconds;", ENTRIES, True),
        ("entries", "an orange ring at 5.0 seconds and a red circle at 0.0 seconds", ENTRIES, True),
        ("entries", ENTRIES.replace("5.0", "7.0"), ENTRIES, False),
        ("entries", ENTRIES.replace("orange", "pink"), ENTRIES, False),
        ("entries", "a red circle at 0.0 seconds", ENTRIES, False),
        ("entries", ENTRIES + ", a cyan ring", ENTRIES, False),
        ("entries", "", ENTRIES, False),
        ("entries", "circles", "no list", False),
        ("colours", "The circle is red, the ring is orange.", COLOURS, True),
        ("colours", "the ring is orange and the circle is red", COLOURS, True),
        ("colours", "the circle is orange, the ring is red", COLOURS, False),
        ("colours", "the circle is red", COLOURS, False),
        ("colours", "the circle is red, the circle is red, the ring is orange", COLOURS, False),
    ],
)
def test_right_and_wrong_answers(question_type, given, truth, expected):
    assert is_correct(question_type, given, truth, duration_seconds=24) is expected


def test_the_tolerance_is_half_the_gap_between_24_frames_and_half_a_second():
    assert tolerance_seconds(48) == 1.5
