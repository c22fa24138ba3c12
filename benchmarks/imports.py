"""Time and memory that importing each part of the project takes, and that the reader takes for 96
frames.

    python -m benchmarks.imports --clip ../shared/videos/dog.mp4 --json imports.json

Each measurement is a fresh interpreter. All parts are measured in turn, again and again, so that
other work on the machine affects them equally; the table holds medians. A first round, which
fills the caches of files and bytecode, is not counted. Seconds leave out the start of the
interpreter. Peak memory is the largest resident memory of the process, interpreter included.
Without `--clip`, a clip of 10 seconds, 1280 x 720, is drawn. Needs Linux.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.video_reading import describe_machine
from fila_video.common.files import write_json
from fila_video.common.tables import markdown_table
from tests.clips import draw_clip


REPOSITORY = Path(__file__).resolve().parent.parent
READ = """
from processing_fila.reader import read_video
assert len(read_video(sys.argv[1], num_frames=96, size=(384, 384)).frames) == 96
"""
STATEMENTS = {
    "nothing (the interpreter)": "pass",
    "`processing_fila.reader`": "import processing_fila.reader",
    "`processing_fila`": "import processing_fila",
    "`modeling_fila`": "import modeling_fila",
    "`fila_video`": "import fila_video",
    "`fila_video.world.__main__`": "import fila_video.world.__main__",
    "`fila_video.dataset.__main__`": "import fila_video.dataset.__main__",
    "`fila_video.evaluation.__main__`": "import fila_video.evaluation.__main__",
    "`fila_video`, then `AutoModel` of transformers": "import fila_video\nfrom transformers import AutoModel",
    "`processing_fila.reader`, and 96 frames at 384 x 384": READ,
}
HEAVY_MODULES = ("torch", "transformers", "scipy", "matplotlib")
# The statement is compiled before the clock starts.
PROGRAM = """
import json, sys, time
statement = compile({statement!r}, "statement", "exec")
start = time.perf_counter()
exec(statement)
seconds = time.perf_counter() - start
with open("/proc/self/status") as status:
    peak_kib = next(int(line.split()[1]) for line in status if line.startswith("VmHWM:"))
loaded = [name for name in {modules!r} if name in sys.modules]
print(json.dumps({{"seconds": seconds, "peak_mib": peak_kib / 1024, "loaded": loaded}}))
"""


def measure(statement: str, clip: Path) -> dict:
    """Runs a statement in a fresh interpreter; returns its seconds, peak memory in MiB and loaded heavy modules."""
    program = PROGRAM.format(statement=statement, modules=HEAVY_MODULES)
    command = [sys.executable, "-c", program, str(clip)]
    process = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True)
    if process.returncode:
        raise RuntimeError(f"{statement!r} failed:\n{process.stderr}")
    return json.loads(process.stdout.splitlines()[-1])


def measure_all(clip: Path, repetitions: int) -> list[dict]:
    """Returns a row with medians for each statement."""
    measured: dict[str, list[dict]] = {name: [] for name in STATEMENTS}
    for _ in range(1 + repetitions):
        for name, statement in STATEMENTS.items():
            measured[name].append(measure(statement, clip))
    return [{"entry_point": name, **medians(results[1:])} for name, results in measured.items()]


def medians(results: list[dict]) -> dict:
    return {
        "seconds": statistics.median(result["seconds"] for result in results),
        "peak_mib": statistics.median(result["peak_mib"] for result in results),
        "loaded": results[0]["loaded"],
        "all_seconds": [result["seconds"] for result in results],
    }


def table(rows: list[dict]) -> str:
    cells = [
        (row["entry_point"], f"{row['seconds']:.2f}", f"{row['peak_mib']:.0f}", ", ".join(row["loaded"]) or "-")
        for row in rows
    ]
    return markdown_table(["import", "seconds", "peak MiB", "loads"], cells, align="lrrl")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clip", type=Path, help="video to read; one is drawn by default")
    parser.add_argument("--repetitions", type=int, default=5, help="fresh interpreters for each entry point")
    parser.add_argument("--json", type=Path, help="file to write the results to")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        clip = options.clip or draw_clip(Path(folder) / "clip.mp4", seconds=10, fps=30, size=(720, 1280))
        rows = measure_all(clip.resolve(), options.repetitions)
    print(table(rows))
    if options.json:
        command = " ".join(["python -m benchmarks.imports", *sys.argv[1:]])
        write_json(options.json, {"machine": describe_machine(), "command": command, "rows": rows})


if __name__ == "__main__":
    main()
