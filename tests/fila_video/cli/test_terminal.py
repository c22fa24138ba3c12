"""Sessions in a real terminal of 80 columns, with Ctrl-C and Ctrl-D, and in a pipe that nobody reads."""

import subprocess
import sys

from tests.environment import REPOSITORY
from tests.fila_video.cli.terminal import CTRL_C, CTRL_D, Terminal


QUESTION = "What is in the first scene?"
FEW = ["--num-frames", "20", "--num-scenes", "6"]
NOTICE = """\
fila-video {}: This is the small model, which knows drawn shapes only: what it
says about any other video means nothing. A model that knows the real world:
fila-video ask clip.mp4 "What happens?" --model
llava-hf/llava-onevision-qwen2-0.5b-ov-hf"""
# The program, with two seconds between words, in which the tests press Ctrl-C.
SLOW = """
import sys, time, transformers
put = transformers.TextStreamer.put
transformers.TextStreamer.put = lambda *arguments: (put(*arguments), time.sleep(2))
from fila_video.cli.main import main
sys.exit(main())
"""


def test_a_chat(clip, oracle):
    first, second = (
        oracle(str(clip), text=QUESTION, return_scenes=True, num_frames=count, num_scenes=6)[0] for count in (20, 8)
    )
    terminal = Terminal(["-m", "fila_video", "chat", str(clip), *FEW])
    for line in (QUESTION, "/clear", "/frames 8", QUESTION):
        terminal.wait_for("> ")
        terminal.type(f"{line}\n")
    terminal.wait_for("> ")
    terminal.type(CTRL_D)
    assert terminal.finish() == 0
    screen = terminal.screen
    notice, session = screen[:4], [line for line in screen[4:] if line]
    assert notice == NOTICE.format("chat").splitlines()
    start = session.index(f"> {QUESTION}")
    greeting = f"Ask about {clip}. /help lists the commands, /quit leaves."  # longer than a line
    assert "".join(session[:start]).replace(" ", "") == greeting.replace(" ", "")
    assert session[start:] == [
        f"> {QUESTION}",
        first["generated_text"].strip(),
        "> /clear",
        "> /frames 8",
        f"> {QUESTION}",
        second["generated_text"].strip(),
        ">",
    ]
    assert terminal.colors


def test_ctrl_c_in_an_answer_without_colors(clip, oracle):
    answer = oracle(str(clip), text=QUESTION, num_frames=20, num_scenes=6)[0]["generated_text"].split()
    terminal = Terminal(["-c", SLOW, "ask", str(clip), QUESTION, "What else?", *FEW], env={"NO_COLOR": "1"})
    terminal.wait_for(f"> {QUESTION}")
    terminal.wait_for(answer[0])
    terminal.type(CTRL_C)
    assert terminal.finish() == 130
    shown = [line for line in terminal.screen if line]
    assert shown[:4] == NOTICE.format("ask").splitlines()
    assert shown[4] == f"> {QUESTION}" and len(shown) <= 6
    assert terminal.colors == []
    assert terminal.raw.rfind("\x1b[?25h") >= terminal.raw.rfind("\x1b[?25l")  # the cursor is back


def test_a_pipe_that_nobody_reads(clip):
    """`fila-video ask ... | true` says nothing about it, and `| cat` has no colors and no moving lines."""
    command = [sys.executable, "-m", "fila_video", "ask", str(clip), QUESTION, *FEW]
    process = subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    process.stdout.close()
    errors = process.stderr.read()
    assert process.wait(120) == 1
    assert errors == " ".join(NOTICE.format("ask").split()) + "\n"
