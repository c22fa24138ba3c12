import io
import json
import sys

import pytest

from fila_video.cli import show


@pytest.mark.parametrize(
    ("seconds", "expected"), [(0, "0:00"), (59.99, "0:59"), (60, "1:00"), (3599, "59:59"), (3661.5, "1:01:01")]
)
def test_clock(seconds, expected):
    assert show.clock(seconds) == expected


@pytest.mark.parametrize(
    ("frames", "expected"), [([3.0, 2.9, 3.2], "2.9-3.2 s"), ([3.0, 3.0, 3.0], "3.0 s"), ([3.01, 3.04], "3.0 s")]
)
def test_span(frames, expected):
    assert show.span({"frame_seconds": frames}) == expected


@pytest.mark.parametrize("width", [20, 40, 80, 200])
def test_scenes_stand_in_columns_that_fit(width):
    scenes = [{"representative_seconds": 7.0 * n, "frame_seconds": [7.0 * n - 1, 7.0 * n]} for n in range(1, 20)]
    lines = show.scene_lines(scenes, width=width)
    assert lines[0].startswith("Scenes: 0:07 (6.0-7.0 s)")
    assert all(len(line) <= max(width, 29) for line in lines)
    assert " ".join(" ".join(lines).split()).count(" s)") == 19
    assert show.scene_lines([], width=80) == []


def test_an_answer_cannot_control_the_terminal():
    assert show.printable("a\x1b[2Jb\x07\r\x9b1mc\td\ne") == "a[2Jb1mc\td\ne"


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize(
    "pieces", [["The quick brown ", "fox jumps over the lazy dog"], ["視" * 30], ["a\nb", "\n", "c"]]
)
def test_lines_are_broken_between_words_on_a_terminal_only(monkeypatch, pieces):
    monkeypatch.setenv("COLUMNS", "20")
    for stream in (Terminal(), io.StringIO()):
        monkeypatch.setattr(sys, "stdout", stream)
        text = show.WrappedText()
        for piece in pieces:
            text.write(piece)
        text.end_line()
        text.end_line()
        whole = "".join(pieces)
        lines = stream.getvalue().split("\n")
        if stream.isatty() and " " in whole:
            assert lines == ["The quick brown fox", "jumps over the lazy", "dog", ""]
        else:
            assert stream.getvalue() == whole + "\n"


@pytest.mark.parametrize(
    "value",
    [
        {"a": "Où ?"},
        {"a": "caf\udce9"},
        {"a": "\x1b[2J\x9b1m\x7f"},
        {"model": "m", "answers": [{"b": 1}, {"c": "é"}], "d": []},
    ],
)
def test_json_is_printed_whole(capfdbinary, value):
    for print_it in (show.print_json, show.print_document):
        print_it(value)
        printed = capfdbinary.readouterr().out.decode("utf-8")
        assert json.loads(printed) == value
        assert show.printable(printed) == printed
