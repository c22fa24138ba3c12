"""The memory of a process, from /proc. Linux only."""

from pathlib import Path


def status_bytes(name: str, process: int | str = "self") -> int:
    """
    Returns a size of a process, in bytes.

    Args:
        name: `VmRSS` for the memory that it holds now, `VmHWM` for the largest so far. `ru_maxrss` would begin with the
            size of the process that started this one.
        process: Its number.
    """
    lines = Path(f"/proc/{process}/status").read_text(encoding="utf-8").splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith(f"{name}:"))) * 1024
