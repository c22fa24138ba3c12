"""Damages dataset clips and checkpoint configurations at random: python -m benchmarks.fuzz_dataset

Clips are probed, joined and transcoded; every one must give facts and a video, or a `BadClipError`. Configurations of
small checkpoints are planned for conversion; every one must give a key map, or one error of a kind that the command
line reports in one line. Anything else is a fault: it is printed, and --keep names a folder for its input.
Limits: --max-seconds for each input, and --max-mib for the memory of the whole process.
"""

import argparse
import json
import logging
import random
import resource
import shutil
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import av

from benchmarks.damage import damage
from convert_checkpoint import convert_checkpoint
from fila_video.common.command_line import EXPECTED_ERRORS
from fila_video.dataset.clips.open_clip import BadClipError
from fila_video.dataset.clips.probe import probe_clip
from fila_video.dataset.joining.join_clips import ClipToJoin, join_clips
from fila_video.dataset.joining.transcode import CommonFormat, transcode
from tests.clips import draw_clip


# (file name, arguments of draw_clip)
CLIPS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("plain.mp4", {}),
    ("mpeg4.avi", {"codec": "mpeg4"}),
    ("stream.ts", {}),
    ("plain.mkv", {}),
)
COMMON = CommonFormat(48, 64, has_audio=True)
CONFIG_FILES = ("config.json", "tokenizer_config.json", "README.md")
# Values that are wrong almost everywhere. None of them is taken from a list of known faults.
ODD: tuple[Any, ...] = (
    None, True, -1, 0, 1, 3, 10**6, 10**12, 10**30, 0.5, -0.5, float("nan"), float("inf"), "", "x", "../x", "\ud800",
    "x" * 10_000, [], [1], ["x"], [[]], {}, {"x": 1}, {"model_type": "bert"}, [None] * 100,
)  # fmt: skip


def main() -> int:
    """Runs the command line. Returns 1 if there is a fault."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fuzz_dataset", description=__doc__)
    parser.add_argument("--clips", type=int, default=300, help="number of clips (300)")
    parser.add_argument("--configs", type=int, default=500, help="number of configurations (500)")
    parser.add_argument("--seed", type=int, default=0, help="random seed (0)")
    parser.add_argument("--max-seconds", type=float, default=20.0, help="longest time for one input (20)")
    parser.add_argument("--max-mib", type=float, default=4096.0, help="largest memory of the process (4096)")
    parser.add_argument("--keep", type=Path, help="folder for the inputs that are faults")
    options = parser.parse_args()
    import transformers  # takes seconds, which --help does not need

    warnings.simplefilter("ignore")
    transformers.logging.set_verbosity_error()
    logging.disable(logging.WARNING)
    with tempfile.TemporaryDirectory() as folder:
        clips = fuzz("clips", damaged_clips(Path(folder), options.clips, options.seed), try_clip, options)
        configs = fuzz("configs", odd_checkpoints(Path(folder), options.configs, options.seed), try_config, options)
    mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"largest memory: {mib:.0f} MiB")
    return int(clips + configs > 0 or mib > options.max_mib)


def fuzz(title: str, inputs: Iterator[Path], attempt: Callable[[Path], str], options: argparse.Namespace) -> int:
    """Tries all inputs, prints what happened, and returns the number of faults."""
    outcomes: Counter[str] = Counter()
    longest = 0.0
    for number, path in enumerate(inputs):
        started = time.perf_counter()
        try:
            outcome = attempt(path)
        except Exception as error:
            outcome = f"FAULT {type(error).__name__}"
            traceback.print_exc(limit=-4)
        seconds = time.perf_counter() - started
        longest = max(longest, seconds)
        if seconds > options.max_seconds:
            outcome = "FAULT too slow"
        outcomes[outcome] += 1
        if outcome.startswith("FAULT"):
            print(f"{title} {number}: {outcome}, {seconds:.1f} s", file=sys.stderr)
            if options.keep:
                _copy(path, options.keep / f"{title}-{number}")
    counts = ", ".join(f"{count} {outcome}" for outcome, count in sorted(outcomes.items()))
    print(f"{title}: {sum(outcomes.values())} inputs: {counts}; longest {longest:.1f} s", flush=True)
    return sum(count for outcome, count in outcomes.items() if outcome.startswith("FAULT"))


def damaged_clips(folder: Path, count: int, seed: int) -> Iterator[Path]:
    """Yields clips of several formats with bytes that are changed, removed, repeated or cut off."""
    generator = random.Random(f"clips {seed}")
    whole = [draw_clip(folder / name, seconds=1, **arguments).read_bytes() for name, arguments in CLIPS]
    for number in range(count):
        kind = number % len(whole)
        path = folder / f"clip{Path(CLIPS[kind][0]).suffix}"
        path.write_bytes(damage(bytearray(whole[kind]), generator))
        yield path


def try_clip(path: Path) -> str:
    """Returns the result for a clip: usable, or bad at one of the steps."""
    output = path.with_name("out.mp4")
    try:
        facts = probe_clip(path)
    except BadClipError:
        return "rejected when probed"
    try:
        join_clips([ClipToJoin(path, facts.seconds)] * 2, output)
    except BadClipError:
        pass  # as for clips whose format has to be transcoded
    try:
        transcode(path, output, COMMON)
    except BadClipError:
        return "rejected when transcoded"
    with av.open(str(output)) as container:
        assert sum(1 for packet in container.demux(video=0) if packet.size) == facts.num_frames
    return "usable"


def odd_checkpoints(folder: Path, count: int, seed: int) -> Iterator[Path]:
    """Yields folders of a small checkpoint in which one to three values of a JSON file are odd."""
    generator = random.Random(f"configs {seed}")
    whole = folder / "checkpoint"
    convert_checkpoint("scratch:tiny", whole)
    (whole / "README.md").write_text("---\nlicense: apache-2.0\n---\n")
    base = folder / "base"
    convert_checkpoint(whole, base, to="llava-onevision", parity=False)
    for number in range(count):
        odd = folder / "odd"
        shutil.rmtree(odd, ignore_errors=True)
        shutil.copytree((whole, base)[number % 2], odd)
        path = odd / CONFIG_FILES[min(number % 7, 2) if number % 7 > 4 else 0]
        change = generator.choice(ODD)
        if path.suffix == ".md":
            path.write_text(f"---\nlicense: {json.dumps(change)}\n---\n")
        else:
            content = json.loads(path.read_text())
            for _ in range(generator.randint(1, 3)):
                set_odd_value(content, generator)
            path.write_text(json.dumps(content))
        yield odd


def set_odd_value(value: Any, generator: random.Random) -> None:
    """Changes or removes one entry at a random depth."""
    while True:
        keys = list(value) if isinstance(value, dict) else list(range(len(value)))
        key = generator.choice(keys)
        if isinstance(value[key], dict | list) and value[key] and generator.random() < 0.8:
            value = value[key]
            continue
        if generator.random() < 0.15:
            del value[key]
        else:
            value[key] = generator.choice(ODD)
        return


def try_config(path: Path) -> str:
    """Converts a checkpoint, with the comparison at the end. Returns the result."""
    output = path.with_name("converted")
    shutil.rmtree(output, ignore_errors=True)
    try:
        convert_checkpoint(path, output)
    except EXPECTED_ERRORS as error:
        assert not output.exists(), "something was left behind"
        assert str(path) in str(error) or path.name in str(error), f"does not name the checkpoint: {error}"
        return "refused in one line"
    return "converted"


def _copy(path: Path, target: Path) -> None:
    target.mkdir(parents=True, exist_ok=True)
    (shutil.copytree(path, target, dirs_exist_ok=True) if path.is_dir() else shutil.copy(path, target))


if __name__ == "__main__":
    sys.exit(main())
