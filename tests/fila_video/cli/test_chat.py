"""A chat passes the whole conversation on, and its commands and Ctrl-C work."""

import io
import sys

import pytest

from fila_video.cli.chat import Chat


QUESTION, NEXT = "What is in the first scene?", "And in the last scene?"


@pytest.fixture
def talk(fila, clip, monkeypatch):
    """talk("What?", ...): what a chat prints whose user types these lines, with 20 frames and 6 scenes."""

    def run(*lines, options=()):
        monkeypatch.setattr(sys, "stdin", io.StringIO("".join(f"{line}\n" for line in lines)))
        return fila("chat", clip, "--num-frames", "20", "--num-scenes", "6", *options)

    return run


def user(text, video=None):
    parts = [] if video is None else [{"type": "video", "video": str(video)}]
    return {"role": "user", "content": [*parts, {"type": "text", "text": text}]}


def assistant(text):
    return {"role": "assistant", "content": [{"type": "text", "text": text}]}


def answer_of(oracle, messages, num_frames=20):
    return oracle(messages, num_frames=num_frames, num_scenes=6)[0]["generated_text"].strip()


def test_the_model_knows_what_was_said_before(talk, clip, oracle):
    first = answer_of(oracle, [user(QUESTION, clip)])
    second = answer_of(oracle, [user(QUESTION, clip), assistant(first), user(NEXT)])
    fresh = answer_of(oracle, [user(NEXT, clip)], num_frames=8)
    done = talk(QUESTION, "", NEXT, "/clear", "/frames 8", f"  {NEXT}  ", "/quit", "What is not asked any more?")
    assert (done.status, done.out) == (0, f"{first}\n{second}\n{fresh}\n")
    assert done.err.startswith("fila-video chat: This is the small model") and done.err.count("\n") == 1


def test_subtitles_stay_in_the_conversation(talk, clip, oracle, tmp_path):
    (tmp_path / "a.srt").write_text("1\n00:00:01,000 --> 00:00:02,500\nred circle\n")
    options = {"num_frames": 20, "num_scenes": 6, "subtitles": str(tmp_path / "a.srt"), "subtitle_lines": "scenes"}
    first = oracle([user(QUESTION, clip)], **options)[0]["generated_text"].strip()
    second = oracle([user(QUESTION, clip), assistant(first), user(NEXT)], **options)[0]["generated_text"].strip()
    done = talk(QUESTION, NEXT, options=("--subtitles", tmp_path / "a.srt", "--subtitle-lines", "scenes"))
    assert done.out == f"{first}\n{second}\n"
    done = talk(QUESTION, options=("--max-subtitle-tokens", "5"))
    assert done.status == 2 and "--max-subtitle-tokens 5 needs --subtitles" in done.err


def test_scenes_and_commands(talk, clip, oracle):
    scenes = oracle(str(clip), text="Any?", return_scenes=True, num_frames=20, num_scenes=6)[0]["scenes"]
    done = talk("/scenes", "/help", "/frames", "/frames 0", "/frames many", "/nothing")
    assert done.status == 0
    rows = [line.split() for line in done.out.splitlines()[1 : 1 + len(scenes)]]
    assert [row[2] for row in rows] == [f"{scene['representative_seconds']:.2f}" for scene in scenes]
    for name in ("/scenes", "/frames N", "/clear", "/help", "/quit", "Ctrl-C", "Ctrl-D"):
        assert name in done.out
    errors = done.err.splitlines()[1:]
    assert [error.partition(": ")[0] for error in errors] == ["fila-video chat"] * 4
    assert ["give a whole number" in error for error in errors] == [True, True, True, False]
    assert "There is no command /nothing" in errors[3]


def test_a_video_that_cannot_be_read_does_not_end_the_chat(fila, tmp_path, monkeypatch):
    (tmp_path / "broken.mp4").write_text("no video")
    monkeypatch.setattr(sys, "stdin", io.StringIO("What?\n/scenes\n/help\n"))
    done = fila("chat", tmp_path / "broken.mp4")
    assert done.status == 0 and "/quit" in done.out
    assert done.err.count("broken.mp4 is not a readable video") == 2


class Interrupted:
    """A pipeline that is interrupted after two words, and then asked again."""

    processor = type("Processor", (), {"tokenizer": None})

    def __init__(self):
        self.conversations = []

    def __call__(self, messages, streamer, **options):
        self.conversations.append(messages)
        for word in ("One", " two", " three"):
            streamer.on_finalized_text(word)
            if word == " two" and len(self.conversations) == 1:
                raise KeyboardInterrupt


def test_ctrl_c_stops_an_answer_and_what_was_read_of_it_stays(monkeypatch, capsys):
    monkeypatch.setattr(sys, "stdin", io.StringIO("First?\nSecond?\n"))
    pipe = Interrupted()
    Chat(pipe, "clip.mp4").run()
    printed = capsys.readouterr()
    assert printed.out == "One two\nOne two three\n" and printed.err == "fila-video chat: Stopped.\n"
    assert pipe.conversations[1] == [user("First?", "clip.mp4"), assistant("One two"), user("Second?")]
