"""Reading sampled frames from long videos: the reader of this project and the readers that other
projects use.

    python benchmarks/video_reading.py --clips ../shared/videos --json video_reading.json

The clips of a folder are joined into videos of 5 and 60 minutes, 1280 x 720, H.264, with a key
frame every 250 and every 50 frames. Then every reader reads the same evenly spaced frames from
each video. Each reading is a process of its own, so that its peak memory is known. Repetitions
are interleaved, so that other work on the machine affects all readers equally; the table holds
medians. Readers that are not installed are left out. Needs Linux and the ffmpeg program.
"""

import argparse
import importlib.util
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

import numpy as np


sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

SIZE = (384, 384)
FRAME_RATE = 30
LOOP_FRAMES = 1000  # a whole number of GOPs of 50 and of 250
TIME_LIMIT_SECONDS = 900


# --- the readers: each imports what it needs and returns a function that reads the frames with some indices ----------


def load_fila(seek_mode: str) -> Callable:
    from processing_fila.reader import read_video

    return lambda path, indices: read_video(path, num_frames=len(indices), size=SIZE, seek_mode=seek_mode).frames


def load_transformers(backend: str) -> Callable:
    from transformers.video_utils import load_video

    return lambda path, indices: load_video(path, backend=backend, sample_indices_fn=lambda **_: indices)[0]


def load_torchcodec(seek_mode: str, resizes: bool = False) -> Callable:
    from torchcodec.decoders import VideoDecoder
    from torchcodec.transforms import Resize

    def read(path: str, indices: np.ndarray):
        transforms = [Resize(SIZE)] if resizes else None
        decoder = VideoDecoder(path, seek_mode=seek_mode, num_ffmpeg_threads=0, transforms=transforms)
        return decoder.get_frames_at(indices.tolist()).data

    return read


def load_decord(resizes: bool = False) -> Callable:
    import decord

    def read(path: str, indices: np.ndarray):
        height, width = SIZE if resizes else (-1, -1)
        return decord.VideoReader(path, height=height, width=width).get_batch(indices).asnumpy()

    return read


READERS: dict[str, tuple[str, Callable[[], Callable]]] = {
    "fila exact": ("av", lambda: load_fila("exact")),
    "fila keyframe": ("av", lambda: load_fila("keyframe")),
    "transformers pyav": ("transformers", lambda: load_transformers("pyav")),
    "transformers torchcodec": ("torchcodec", lambda: load_transformers("torchcodec")),
    "torchcodec exact": ("torchcodec", lambda: load_torchcodec("exact")),
    "torchcodec approximate": ("torchcodec", lambda: load_torchcodec("approximate")),
    "torchcodec approximate, resizing": ("torchcodec", lambda: load_torchcodec("approximate", resizes=True)),
    "decord": ("decord", lambda: load_decord()),
    "decord, resizing": ("decord", lambda: load_decord(resizes=True)),
}
OURS = ("fila exact", "fila keyframe")


# --- one measurement, in a process of its own ---------------------------------------------------------------------


def measure(reader: str, path: str, num_frames: int, total_frames: int) -> dict[str, float]:
    """Measures one reading in this process.

    Returns:
        Seconds, which leave imports out; peak memory in MiB; and `imports_mib`, the peak memory before the reading.
    """
    read = READERS[reader][1]()
    indices = np.linspace(0, total_frames - 1, num_frames).round().astype(int)
    imports_mib, started, started_cpu = peak_mib(), time.perf_counter(), time.process_time()
    frames = read(path, indices)
    return {
        "wall_seconds": time.perf_counter() - started,
        "cpu_seconds": time.process_time() - started_cpu,
        "peak_mib": peak_mib(),
        "imports_mib": imports_mib,
        "frames": len(frames),
    }


def peak_mib() -> float:
    """Returns the peak resident memory of this process. `getrusage` would begin with that of the parent process."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


def measure_apart(reader: str, path: Path, num_frames: int, total_frames: int) -> dict[str, float] | None:
    """Measures one reading in a fresh process. Returns None if it takes longer than the limit."""
    task = json.dumps([reader, str(path), num_frames, total_frames])
    try:
        process = subprocess.run(
            [sys.executable, __file__, "--measure", task], capture_output=True, text=True, timeout=TIME_LIMIT_SECONDS
        )
    except subprocess.TimeoutExpired:
        return None
    if process.returncode:
        raise RuntimeError(f"{reader} failed on {path}:\n{process.stderr}")
    return json.loads(process.stdout.splitlines()[-1])


# --- the videos ---------------------------------------------------------------------------------------------------


def join_clips(clips: Path, folder: Path, minutes: int, gop: int) -> tuple[Path, int]:
    """Makes a video of about this length from the clips, in a loop that is encoded once.

    Returns:
        Its path, and the number of its frames.
    """
    loop, path = folder / f"loop_gop{gop}.mp4", folder / f"{minutes}min_gop{gop}.mp4"
    num_loops = max(round(minutes * 60 * FRAME_RATE / LOOP_FRAMES), 1)
    if not loop.exists():
        encode_loop(sorted(clips.glob("*.mp4")), loop, gop)
    if not path.exists():
        run_ffmpeg("-stream_loop", str(num_loops - 1), "-i", loop, "-c", "copy", path)
    return path, num_loops * LOOP_FRAMES


def encode_loop(clips: list[Path], target: Path, gop: int) -> None:
    """Joins the clips with 720 lines and 9 seconds or more, until there are LOOP_FRAMES frames."""
    chosen = [clip for clip in clips if is_long_enough(clip)]
    if not chosen:
        raise SystemExit("No clip of 1280 x 720 and at least 9 seconds in that folder.")
    chosen = (chosen * LOOP_FRAMES)[: LOOP_FRAMES // (9 * FRAME_RATE) + 1]
    inputs = [argument for clip in chosen for argument in ("-i", clip)]
    parts = "".join(f"[{n}:v]fps={FRAME_RATE},scale=1280:720,setsar=1[v{n}];" for n in range(len(chosen)))
    joined = "".join(f"[v{n}]" for n in range(len(chosen))) + f"concat=n={len(chosen)}:v=1:a=0[all]"
    encoder = ["-c:v", "libx264", "-preset", "medium", "-crf", "23", "-pix_fmt", "yuv420p", "-sc_threshold", "0"]
    keys = ["-g", str(gop), "-keyint_min", str(gop), "-frames:v", str(LOOP_FRAMES)]
    run_ffmpeg(*inputs, "-filter_complex", parts + joined, "-map", "[all]", *encoder, *keys, target)


def is_long_enough(clip: Path) -> bool:
    fields = ["-show_entries", "stream=height:format=duration", "-of", "json"]
    command = ["ffprobe", "-v", "error", "-select_streams", "v:0", *fields, str(clip)]
    facts = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    return facts["streams"][0]["height"] == 720 and float(facts["format"]["duration"]) >= 9


def run_ffmpeg(*arguments: str | Path) -> None:
    subprocess.run(["ffmpeg", "-v", "error", "-nostdin", "-y", *map(str, arguments)], check=True)


# --- the whole run ------------------------------------------------------------------------------------------------


def run(options: argparse.Namespace) -> dict:
    readers = [name for name, (module, _) in READERS.items() if importlib.util.find_spec(module)]
    readers = [name for name in readers if not options.readers or name in options.readers]
    folder = options.videos or Path(tempfile.gettempdir()) / "fila_video_reading"
    folder.mkdir(parents=True, exist_ok=True)
    cases = [(minutes, gop, count) for minutes in options.minutes for gop in options.gops for count in options.frames]
    rows = []
    for minutes, gop, count in cases:
        path, total_frames = join_clips(options.clips, folder, minutes, gop)
        results = measure_interleaved(readers, path, count, total_frames, options.repetitions)
        case = {"minutes": minutes, "gop": gop, "num_frames": count}
        rows += [{**case, "reader": name, **result} for name, result in results.items()]
        print_table(rows[-len(results) :])
    return {"machine": describe_machine(), "command": " ".join(sys.argv), "rows": rows}


def measure_interleaved(readers, path: Path, count: int, total_frames: int, repetitions: int) -> dict[str, dict]:
    """Returns the medians of each reader. A reader that took too long once is not tried again."""
    subprocess.run(["cat", str(path)], check=True, stdout=subprocess.DEVNULL)  # fills the page cache
    measured: dict[str, list[dict | None]] = {name: [] for name in readers}
    for _ in range(repetitions):
        for name in readers:
            if None not in measured[name]:
                measured[name].append(measure_apart(name, path, count, total_frames))
    return {name: medians(results) for name, results in measured.items()}


def medians(results: list[dict | None]) -> dict:
    if None in results:
        return {"failed": f"longer than {TIME_LIMIT_SECONDS} s"}
    middle = {key: statistics.median(result[key] for result in results) for key in results[0]}
    return middle | {"repetitions": len(results), "all_wall_seconds": [result["wall_seconds"] for result in results]}


def print_table(rows: list[dict]) -> None:
    # Not at the top of the file, where it would add to the memory of every measured process.
    from fila_video.common.tables import markdown_table

    first = rows[0]
    print(f"\n{first['minutes']} minutes, a key frame every {first['gop']}, {first['num_frames']} frames\n")
    headers = ["reader", "frames", "wall s", "CPU s", "peak MiB", "of which imports"]
    print(markdown_table(headers, map(cells_of, rows), align="lrrrrr"))
    print_ratios({row["reader"]: row for row in rows if "failed" not in row})


def cells_of(row: dict) -> list[str]:
    if "failed" in row:
        return [row["reader"], row["failed"], "", "", "", ""]
    seconds = [f"{row[name]:.2f}" for name in ("wall_seconds", "cpu_seconds")]
    return [row["reader"], f"{row['frames']:.0f}", *seconds, f"{row['peak_mib']:.0f}", f"{row['imports_mib']:.0f}"]


def print_ratios(rows: dict[str, dict]) -> None:
    peers = [row for name, row in rows.items() if name not in OURS]
    if not peers:
        return
    fastest = min(peers, key=lambda row: row["wall_seconds"])
    for name in [name for name in OURS if name in rows]:
        faster = fastest["wall_seconds"] / rows[name]["wall_seconds"]
        smaller = fastest["peak_mib"] / rows[name]["peak_mib"]
        print(f"\n{name}: {faster:.1f} times as fast as {fastest['reader']}, 1/{smaller:.1f} of its peak memory")
    sys.stdout.flush()


def describe_machine() -> dict[str, str | int | float]:
    packages = ("av", "torchcodec", "decord", "transformers", "torch")
    return {
        "cpu": cpu_name(),
        "cores": os.cpu_count(),
        "load_at_end": os.getloadavg()[0],
        "python": platform.python_version(),
        **{package: installed_version(package) for package in packages},
    }


def installed_version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not installed"


def cpu_name() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    return next((line.partition(": ")[2] for line in lines if line.startswith("model name")), platform.processor())


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--clips", type=Path, help="folder of clips; uses the MP4 files with 720 lines and at least 9 seconds")
    add("--videos", type=Path, help="folder that keeps the joined videos for the next run (default: a temporary one)")
    add("--minutes", type=int, nargs="+", default=[5, 60], help="lengths of the joined videos")
    add("--gops", type=int, nargs="+", default=[250, 50], help="numbers of frames between key frames")
    add("--frames", type=int, nargs="+", default=[32, 96, 500], help="numbers of frames to read")
    listed = "; ".join(READERS)
    add(
        "--readers",
        nargs="+",
        choices=list(READERS),
        metavar="READER",
        help=f"readers to measure (default: all that are installed): {listed}",
    )
    add("--repetitions", type=int, default=3, help="number of readings of each reader")
    add("--json", type=Path, help="file to write the results to")
    add("--measure", help=argparse.SUPPRESS)
    return parser


def main() -> None:
    parser = build_parser()
    options = parser.parse_args()
    if options.measure:  # in a fresh process, see measure_apart
        print(json.dumps(measure(*json.loads(options.measure))))
        return
    if options.clips is None:
        parser.error("--clips is needed")
    results = run(options)
    if options.json:
        options.json.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
