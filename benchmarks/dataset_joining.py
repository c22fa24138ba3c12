"""Measures the time and the memory of joining clips.

    python -m benchmarks.dataset_joining [CLIP]

The same clips are joined by `fila_video.dataset` (without and with the check of the output) and
by the ffmpeg program, which re-encodes them with libx264 and its `veryfast` preset. The
measurements alternate, so that other work on the machine affects both. The results are medians.
Without CLIP, a clip of 1280 x 720 is drawn.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

from fila_video.dataset.clips.probe import probe_clip
from fila_video.dataset.joining.check_video import check_video
from fila_video.dataset.joining.join_clips import ClipToJoin, join_clips
from tests.clips import draw_clip


REPEATS = 3
NUM_CLIPS = 10
# Prints by how many MiB the memory of a process grows when it joins copies of a clip, after it has joined one before.
# The imports needed much more memory for a moment, so the peak is reset first (Linux only).
MEMORY_PROGRAM = """
import sys
from pathlib import Path
from fila_video.dataset.joining.join_clips import ClipToJoin, join_clips

def peak():
    line = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024

clip, output, count, seconds = sys.argv[1:]
clips = [ClipToJoin(Path(clip), float(seconds))]
join_clips(clips, Path(output))
Path("/proc/self/clear_refs").write_text("5")
before = peak()
join_clips(clips * int(count), Path(output))
print(peak() - before)
"""


def memory_growth(clip: Path, seconds: float, count: int, output: Path) -> float:
    """Measures the memory, in MiB, for joining `count` copies of a clip that lasts `seconds`."""
    command = [sys.executable, "-c", MEMORY_PROGRAM, str(clip), str(output), str(count), str(seconds)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def timed(function: Callable[[], object]) -> float:
    """Returns the seconds that a call takes."""
    started = time.perf_counter()
    function()
    return time.perf_counter() - started


def re_encode(clips: list[Path], output: Path) -> None:
    """Joins clips with the ffmpeg program, which re-encodes them."""
    listed = output.with_suffix(".txt")
    listed.write_text("".join(f"file '{clip}'\n" for clip in clips))
    command = ["ffmpeg", "-v", "error", "-nostdin", "-y", "-f", "concat", "-safe", "0", "-i", str(listed), "-an"]
    subprocess.run([*command, "-c:v", "libx264", "-preset", "veryfast", str(output)], check=True)


def measure_seconds(clip: Path, clip_seconds: float, folder: Path) -> dict[str, list[float]]:
    """Measures how long it takes to join copies of a clip, to check the result, and to re-encode the copies."""
    clips, output = [ClipToJoin(clip, clip_seconds)] * NUM_CLIPS, folder / "joined.mp4"
    edges = join_clips(clips, output)  # also warms up
    seconds: dict[str, list[float]] = {"join": [], "check": [], "ffmpeg": []}
    for _ in range(REPEATS):
        seconds["join"].append(timed(lambda: join_clips(clips, output)))
        seconds["check"].append(timed(lambda: check_video(output, edges[:-1], edges[-1])))
        seconds["ffmpeg"].append(timed(lambda: re_encode([clip] * NUM_CLIPS, folder / "encoded.mp4")))
    return seconds


def main() -> None:
    """Prints the results as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clip", type=Path, nargs="?", help="video to join copies of; one is drawn by default")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        clip = options.clip or draw_clip(folder / "c.mp4", seconds=10, fps=30, size=(720, 1280))
        facts = probe_clip(clip)
        seconds = measure_seconds(clip, facts.seconds, folder)
        memory = {
            f"{round(count * facts.seconds)} s": round(memory_growth(clip, facts.seconds, count, folder / "m.mp4"), 1)
            for count in (3, 30, 180)
        }
    join, check, ffmpeg = (median(values) for values in seconds.values())
    result = {"clip": f"{facts.format}, {facts.seconds} s", "clips": NUM_CLIPS, "seconds": seconds}
    result |= {"times as fast": round(ffmpeg / join, 1), "with check": round(ffmpeg / (join + check), 1)}
    print(json.dumps(result | {"memory in MiB": memory}, indent=1))


if __name__ == "__main__":
    main()
