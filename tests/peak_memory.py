"""The most memory that a process has held. Linux only."""

from pathlib import Path


KIB = 1024


def peak_bytes() -> int:
    """
    Of this process since it began. `ru_maxrss` would begin with the size of the process that started this one, and
    hide what is taken up to there.
    """
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith("VmHWM:"))) * KIB
