"""A terminal of 80 columns, with a program in it and a user who types."""

import fcntl
import os
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Mapping, Sequence

from tests.environment import REPOSITORY


ROWS, COLUMNS = 50, 80
CTRL_C, CTRL_D = "\x03", "\x04"
# A control sequence, a line break, a carriage return, or text.
PARTS = re.compile(r"\x1b\[([?\d;]*)([A-Za-z])|(\r)|(\n)|([^\x1b\r\n]+)")


class Terminal:
    """
    Runs Python in a terminal.

    Args:
        arguments: Arguments of Python.
        env: Environment variables on top of those of the tests.
    """

    def __init__(self, arguments: Sequence[str], env: Mapping[str, str] | None = None):
        self._master, slave = os.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
        inherited = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES", "NO_COLOR")}
        self.process = subprocess.Popen(
            [sys.executable, *arguments],
            cwd=REPOSITORY,
            env={**inherited, "TERM": "xterm-256color", "OMP_NUM_THREADS": "1", **(env or {})},
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
            preexec_fn=_become_the_foreground,
        )
        os.close(slave)
        self.raw = ""

    def wait_for(self, text: str, *, timeout_seconds: float = 120) -> None:
        """Waits until `text` appears after all that was waited for before."""
        end = time.monotonic() + timeout_seconds
        start = len(self.raw)
        while text not in self.raw[start:]:
            assert time.monotonic() < end and self._read(), f"no {text!r} in:\n{self.raw}"

    def type(self, text: str) -> None:
        os.write(self._master, text.encode())

    def finish(self, *, timeout_seconds: float = 120) -> int:
        """Waits for the end of the program, and returns its exit status."""
        while self._read():
            pass
        os.close(self._master)
        return self.process.wait(timeout_seconds)

    def _read(self) -> bool:
        """Reads what the program prints; False at its end."""
        ready, _, _ = select.select([self._master], [], [], 120)
        try:
            data = os.read(self._master, 2**16) if ready else b""
        except OSError:  # Linux says so when the program has ended
            data = b""
        self.raw += data.decode(errors="replace")
        return bool(data)

    @property
    def colors(self) -> list[str]:
        """The control sequences that change colors."""
        return [match[0] for match in PARTS.finditer(self.raw) if match[2] == "m" and match[1] not in ("", "0")]

    @property
    def screen(self) -> list[str]:
        """The lines that a user sees in the end, without spaces at their ends."""
        lines, row, column = [""], 0, 0
        for match in PARTS.finditer(self.raw):
            argument, command, carriage_return, line_break, text = match.groups()
            if carriage_return:
                column = 0
            elif line_break:
                row += 1
                lines += [""] * (row + 1 - len(lines))
            elif text:
                lines[row] = lines[row].ljust(column)[:column] + text + lines[row][column + len(text) :]
                column += len(text)
            elif command == "A":
                row -= int(argument or 1)
            elif command == "K":
                lines[row] = "" if argument == "2" else lines[row][:column]
        return [line.rstrip() for line in lines]


def _become_the_foreground() -> None:
    """Lets Ctrl-C reach the program, also if the tests run in the background of a shell, where it is ignored."""
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    signal.signal(signal.SIGINT, signal.SIG_DFL)
