"""Damages clips, still images and animations at random and reads them: python -m benchmarks.fuzz_reader

Every input must give frames, or a `VideoReadError` that names the file. Anything else is a fault: another error, frames
or times that cannot be right, threads or open files that are left over, an end of the process, and more time or memory
than --max-seconds and --max-mib allow. Each fault is printed, and --keep names a folder for its input.

A process of its own reads one input after another. A new one is started after a fault and after every 200 inputs, so
that the memory of one input is seen. Needs Linux.
"""

import argparse
import gc
import multiprocessing
import os
import random
import resource
import shutil
import sys
import tempfile
import threading
import time
import warnings
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from benchmarks.damage import damage
from processing_fila.reader import VideoReader, VideoReadError
from tests.clips import draw_clip, draw_frames


# (file name, arguments of draw_clip)
CLIPS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("plain.mp4", {}),
    ("first.mp4", {"container_options": {"movflags": "faststart"}, "rotation_degrees": 90}),
    ("fragments.mp4", {"container_options": {"movflags": "frag_keyframe+empty_moov"}}),
    ("plain.mkv", {"codec_options": {"bf": "2"}}),
    ("vp9.webm", {"codec": "libvpx-vp9"}),
    ("mpeg4.avi", {"codec": "mpeg4"}),
    ("stream.ts", {}),
    ("plain.flv", {}),
    ("mpeg2.mpg", {"codec": "mpeg2video", "fps": 25}),
    ("plain.wmv", {"codec": "wmv2"}),
    ("raw.h264", {}),
    ("prores.mov", {"codec": "prores_ks", "pix_fmt": "yuv422p10le"}),
)
# (file name, arguments of PIL.Image.save); a suffix with `save_all` is an animation
IMAGES: tuple[tuple[str, dict[str, Any]], ...] = (
    ("animation.gif", {"save_all": True, "duration": 100}),
    ("animation.webp", {"save_all": True, "duration": 100}),
    ("animation.png", {"save_all": True, "duration": 100}),
    ("still.gif", {}),
    ("still.webp", {}),
    ("still.png", {}),
    ("still.jpg", {}),
    ("still.bmp", {}),
)
INPUTS_PER_PROCESS = 200
NUM_FRAMES = 8
SECONDS_TO_END = 5.0


@dataclass(frozen=True)
class Outcome:
    """What became of one input.

    Attributes:
        text: In words. A fault begins with FAULT.
        seconds: Time it took.
        mib: Largest memory of the process so far, in MiB.
    """

    text: str
    seconds: float
    mib: float


def main() -> int:
    """Runs the command line. Returns 1 if there is a fault."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fuzz_reader", description=__doc__)
    parser.add_argument("--clips", type=int, default=2000, help="number of clips (2000)")
    parser.add_argument("--images", type=int, default=500, help="number of still images and animations (500)")
    parser.add_argument("--seed", type=int, default=0, help="random seed (0)")
    parser.add_argument("--max-seconds", type=float, default=20.0, help="longest time for one input (20)")
    parser.add_argument("--max-mib", type=float, default=1024.0, help="largest memory of the process that reads (1024)")
    parser.add_argument("--keep", type=Path, help="folder for the inputs that are faults")
    options = parser.parse_args()
    if options.keep:
        options.keep.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        clips = damaged_files(draw_clips(Path(folder)), options.clips, f"clips {options.seed}")
        images = damaged_files(draw_images(Path(folder)), options.images, f"images {options.seed}")
        num_faults = fuzz("clips", clips, options) + fuzz("images", images, options)
    return int(num_faults > 0)


def draw_clips(folder: Path) -> list[Path]:
    """Draws a clip of each kind."""
    return [draw_clip(folder / name, **{"seconds": 2, **arguments}) for name, arguments in CLIPS]


def draw_images(folder: Path) -> list[Path]:
    """Draws a still image or an animation of each kind."""
    first, *others = [Image.fromarray(frame) for frame in draw_frames(10)]
    for name, arguments in IMAGES:
        more = {"append_images": others} if "save_all" in arguments else {}
        first.save(folder / name, **arguments, **more)
    return [folder / name for name, _ in IMAGES]


def damaged_files(whole: list[Path], count: int, seed: str) -> Iterator[Path]:
    """Yields each file in turn, with bytes that are changed, removed or cut off."""
    generator = random.Random(seed)
    contents = [path.read_bytes() for path in whole]
    for number in range(count):
        path = whole[number % len(whole)]
        damaged = path.with_stem(f"damaged-{path.stem}")
        damaged.write_bytes(damage(bytearray(contents[number % len(whole)]), generator))
        yield damaged


def fuzz(title: str, inputs: Iterator[Path], options: argparse.Namespace) -> int:
    """Reads all inputs, prints what happened, and returns the number of faults."""
    counts: Counter[str] = Counter()
    longest = largest = 0.0
    reader = ReadingProcess(options.max_seconds)
    for number, path in enumerate(inputs):
        if number % INPUTS_PER_PROCESS == 0:
            reader.restart()
        outcome = reader.read(path)
        text = outcome.text
        if not text.startswith("FAULT") and outcome.mib > options.max_mib:
            text = "FAULT: too much memory"
        longest, largest = max(longest, outcome.seconds), max(largest, outcome.mib)
        counts[text.split("\n")[0]] += 1
        if text.startswith("FAULT"):
            print(f"{title} {number}, {path.name}: {text}; {outcome.seconds:.1f} s, {outcome.mib:.0f} MiB", flush=True)
            if options.keep:
                shutil.copy(path, options.keep / f"{number}-{path.name}")
            reader.restart()
    reader.end()
    listed = ", ".join(f"{count} {text}" for text, count in sorted(counts.items()))
    print(f"{title}: {sum(counts.values())} inputs: {listed}; longest {longest:.1f} s, largest {largest:.0f} MiB")
    return sum(count for text, count in counts.items() if text.startswith("FAULT"))


class ReadingProcess:
    """A process that reads inputs, so that one that hangs or crashes does not end the run."""

    def __init__(self, max_seconds: float):
        self._max_seconds = max_seconds
        self._process: Any = None

    def restart(self) -> None:
        """Ends the process if there is one, starts another one, and waits until it is ready."""
        self.end()
        context = multiprocessing.get_context("spawn")
        self._connection, other = context.Pipe()
        self._process = context.Process(target=_read_all, args=(other,), daemon=True)
        self._process.start()
        other.close()
        self._connection.recv()

    def end(self) -> None:
        """Lets the process end by itself, so that it removes its temporary files, unless it hangs."""
        if self._process is not None:
            self._connection.close()
            self._process.join(SECONDS_TO_END)
            self._process.kill()
            self._process.join()

    def read(self, path: Path) -> Outcome:
        """Has one input read."""
        started = time.perf_counter()
        self._connection.send(path)
        if not self._connection.poll(self._max_seconds):
            return Outcome("FAULT: too slow", self._max_seconds, 0.0)
        try:
            text, mib = self._connection.recv()
        except EOFError:
            self._process.join()
            text, mib = f"FAULT: the process ended with status {self._process.exitcode}", 0.0
        return Outcome(text, time.perf_counter() - started, mib)


def _read_all(connection: Connection) -> None:
    """Reads the inputs whose paths come, until the other end is closed."""
    warnings.simplefilter("ignore")
    connection.send(None)
    with suppress(EOFError, BrokenPipeError):
        while True:
            text = try_one(connection.recv())
            connection.send((text, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024))


def try_one(path: Path) -> str:
    """Does what `try_input` does, and checks that nothing is left over."""
    num_open = _num_open()
    text = try_input(path)
    gc.collect()
    if not text.startswith("FAULT") and _num_open() > num_open:
        return f"FAULT: {_num_open()} threads and open files after {num_open} before"
    return text


def _num_open() -> int:
    """Returns the number of threads and open files of this process."""
    return threading.active_count() + len(os.listdir("/proc/self/fd"))


def try_input(path: Path) -> str:
    """Reads a sample of resized frames, and some frames at their own size. Returns what became of them."""
    try:
        with VideoReader(path) as reader:
            video = reader.sample(num_frames=NUM_FRAMES, size=(48, 64))
            assert video.frames.shape[1:] == (48, 64, 3), video.frames.shape
            _check_times(video.seconds, reader.duration_seconds)
            own = list(reader.frames_at(range(min(reader.num_frames, 3))))
            assert all(frame.shape == (reader.height, reader.width, 3) for frame, _ in own)
            _check_times(np.array([seconds for _, seconds in own]), reader.duration_seconds)
    except VideoReadError as error:
        return "named errors" if path.name in str(error) else f"FAULT: an error without the file's name\n{error}"
    except Exception as error:
        return f"FAULT: {type(error).__name__}\n{error}"
    return "read"


def _check_times(seconds: np.ndarray, duration_seconds: float) -> None:
    assert len(seconds) > 0, "no frames"
    assert np.isfinite(seconds).all(), seconds
    assert (np.diff(seconds) >= 0).all(), seconds
    assert 0 <= seconds[0] <= seconds[-1] <= duration_seconds, (seconds, duration_seconds)


if __name__ == "__main__":
    sys.exit(main())
