"""How fast and in how much memory clips are joined: python -m benchmarks.dataset_joining [CLIP]

Both times in one run, over and over in turn, so that other work on the machine falls on both; medians. The same clips
are joined here (without and with the check of the output) and by the ffmpeg program, which re-encodes them with libx264
at its `veryfast` preset. Without CLIP, a clip of 1280 x 720 is drawn.
"""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

from tests.clips import draw_clip


REPEATS = 3
NUM_CLIPS = 10
# How far the memory of a process rises, in MiB, when it joins so many copies of a clip, having joined one before. The
# imports needed much more for a moment, so the peak is reset first (Linux).
MEMORY_PROGRAM = """
import sys
from pathlib import Path
from dataset_fila.join import ClipToJoin, join_clips

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
    """MiB that joining `count` copies of a clip of that length in seconds takes."""
    command = [sys.executable, "-c", MEMORY_PROGRAM, str(clip), str(output), str(count), str(seconds)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def timed(function: Callable[[], object]) -> float:
    started = time.perf_counter()
    function()
    return time.perf_counter() - started


def re_encode(clips: list[Path], output: Path) -> None:
    listed = output.with_suffix(".txt")
    listed.write_text("".join(f"file '{clip}'\n" for clip in clips))
    command = ["ffmpeg", "-v", "error", "-nostdin", "-y", "-f", "concat", "-safe", "0", "-i", str(listed), "-an"]
    subprocess.run([*command, "-c:v", "libx264", "-preset", "veryfast", str(output)], check=True)


def main() -> None:
    from dataset_fila.check import check_video
    from dataset_fila.join import ClipToJoin, join_clips
    from dataset_fila.probe import probe_clip

    with tempfile.TemporaryDirectory() as folder:
        clip = (
            Path(sys.argv[1])
            if len(sys.argv) > 1
            else draw_clip(f"{folder}/c.mp4", seconds=10, fps=30, size=(720, 1280))
        )
        facts, output = probe_clip(clip), Path(folder, "joined.mp4")
        clips = [ClipToJoin(clip, facts.seconds)] * NUM_CLIPS
        edges: list[float] = []
        seconds: dict[str, list[float]] = {"join": [], "check": [], "ffmpeg": []}
        for _ in range(REPEATS):
            seconds["join"].append(timed(lambda: edges.__setitem__(slice(None), join_clips(clips, output))))
            seconds["check"].append(timed(lambda: check_video(output, edges[:-1], edges[-1])))
            seconds["ffmpeg"].append(timed(lambda: re_encode([clip] * NUM_CLIPS, Path(folder, "encoded.mp4"))))
        join, check, ffmpeg = (median(values) for values in seconds.values())
        memory = {
            f"{round(count * facts.seconds)} s": round(memory_growth(clip, facts.seconds, count, output), 1)
            for count in (3, 30, 180)
        }
    result = {"clip": f"{facts.format}, {facts.seconds} s", "clips": NUM_CLIPS, "seconds": seconds}
    result |= {"times as fast": round(ffmpeg / join, 1), "with check": round(ffmpeg / (join + check), 1)}
    print(json.dumps(result | {"memory in MiB": memory}, indent=1))


if __name__ == "__main__":
    main()
