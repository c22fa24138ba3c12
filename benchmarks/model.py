"""Speed and memory of FiLA-Video and of transformers' LLaVA-OneVision: same weights, same frames.

    python -m benchmarks.model --json model.json
    python -m benchmarks.model --size 7b --device cuda --dtype bfloat16 --json model_7b.json

The weights are random. `--size quarter` has a quarter of the 7B model's widths and layers, so that
its parts keep their proportions; LLaVA-OneVision's checkpoint is converted with
convert_checkpoint.py. `--size 7b` has the shapes of the paper's model and makes its weights on the
device. Each measurement is a fresh process, the two models take turns, and the tables hold medians.
On a CPU it needs Linux.

first token   seconds from the frames and the prompt to the first token, and CPU seconds
limit         what the matrix products of the tower and of the prompt take at the rate that this
              machine reaches in one large product: FiLA-Video cannot be faster with these parts
tokens/s      new tokens per second after the first
memory        largest memory above that of the loaded model, the frames included: bytes for
              FiLA-Video and floats for LLaVA-OneVision, as their pipelines have them
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.model_limit import limit_seconds, run_rate
from benchmarks.model_run import run_engine
from benchmarks.model_sizes import ENGINES, SIZES, write_models
from benchmarks.video_reading import describe_machine
from fila_video.common.files import write_json
from fila_video.common.tables import markdown_table


REPOSITORY = Path(__file__).resolve().parent.parent
PARTS = ("tower", "selection", "merging", "projector", "prompt", "other")


def in_process(options: argparse.Namespace, **arguments: Any) -> dict[str, Any]:
    """Runs one measurement in a fresh process."""
    given = {name: getattr(options, name) for name in ("size", "device", "dtype", "threads", "new_tokens")} | arguments
    command = [sys.executable, "-m", "benchmarks.model"]
    for name, value in given.items():
        if value is not None:
            command += [f"--{name.replace('_', '-')}", str(value)]
    environment = {**os.environ, "OMP_NUM_THREADS": str(options.threads)}
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, env=environment)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} failed:\n{done.stderr}")
    return json.loads(done.stdout.splitlines()[-1])


def measure_all(options: argparse.Namespace, folders: dict[str, Path]) -> list[dict[str, Any]]:
    """Measures each number of frames with both models in turn, and returns medians."""
    rows = []
    for num_frames in [*options.frames, *options.only_ours]:
        engines = [name for name in ENGINES if name == "fila" or num_frames in options.frames]
        runs: dict[str, list[dict[str, Any]]] = {engine: [] for engine in engines}
        rates = []
        for _ in range(options.rounds):
            rates.append(in_process(options, engine="rate")["flops_per_second"])
            for engine in engines:
                runs[engine].append(
                    in_process(options, engine=engine, num_frames=num_frames, model=folders.get(engine))
                )
                print(f"{num_frames} frames, {ENGINES[engine]}: {runs[engine][-1]}", file=sys.stderr)
        row: dict[str, Any] = {engine: medians(of_engine) for engine, of_engine in runs.items()}
        ours = argparse.Namespace(**{**vars(options), "engine": "fila"})
        row["limit_seconds"] = limit_seconds(ours, num_frames, max(rates))
        rows.append({"num_frames": num_frames, "flops_per_second": max(rates), **row, "runs": runs})
    return rows


def medians(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """Returns the median of each number."""
    names = [name for name in runs[0] if name != "parts"]
    parts = {part: statistics.median(run["parts"].get(part, 0.0) for run in runs) for part in runs[0]["parts"]}
    return {**{name: statistics.median(run[name] for run in runs) for name in names}, "parts": parts}


def tables(rows: list[dict[str, Any]]) -> str:
    """Formats the comparison, and the shares of the parts of our model."""
    compared, shares = [], []
    for row in rows:
        for engine in (name for name in ENGINES if name in row):
            found = row[engine]
            first = found["first_token_seconds"]
            of_peer = (
                [
                    f"{first / row['llava']['first_token_seconds']:.2f}",
                    f"{found['peak_mib'] / row['llava']['peak_mib']:.2f}",
                ]
                if engine == "fila" and "llava" in row
                else ["", ""]
            )
            limit = f"{first / row['limit_seconds']:.2f}" if engine == "fila" else ""
            compared.append(
                [row["num_frames"], ENGINES[engine], f"{first:.2f}", f"{found['first_token_cpu_seconds']:.1f}"]
                + [of_peer[0], limit, f"{found['tokens_per_second']:.1f}", f"{found['peak_mib']:.0f}", of_peer[1]]
            )
        parts = row["fila"]["parts"]
        total = sum(parts.values())
        shares.append([row["num_frames"], *(f"{parts.get(part, 0.0) / total:.1%}" for part in PARTS)])
    headers = ["frames", "model", "first token, s", "CPU s", "of LLaVA's", "of the limit", "tokens/s", "memory, MiB"]
    comparison = markdown_table([*headers, "of LLaVA's"], compared, align="rlrrrrrrr")
    return comparison + "\n\n" + markdown_table(["frames", *PARTS], shares, align="r" * (len(PARTS) + 1))


def parse_arguments(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", choices=SIZES, default="quarter", help="size of the models")
    parser.add_argument("--frames", type=int, nargs="*", default=[32, 96, 256], help="numbers of frames to compare")
    parser.add_argument("--only-ours", type=int, nargs="*", default=[], help="numbers of frames for FiLA-Video alone")
    parser.add_argument("--rounds", type=int, default=3, help="measurements of each, of which the median is taken")
    parser.add_argument("--new-tokens", type=int, default=16, help="tokens to generate after the first")
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    parser.add_argument("--dtype", default="float32", help="dtype of the models")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1, help="threads of a CPU")
    parser.add_argument("--json", type=Path, help="file for all numbers")
    parser.add_argument("--engine", choices=[*ENGINES, "rate"], help=argparse.SUPPRESS)
    parser.add_argument("--model", help=argparse.SUPPRESS)
    parser.add_argument("--num-frames", type=int, help=argparse.SUPPRESS)
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> None:
    options = parse_arguments(argv)
    if options.engine is not None:
        print(json.dumps(run_rate(options) if options.engine == "rate" else run_engine(options)))
        return
    with tempfile.TemporaryDirectory() as folder:
        folders = {} if options.size == "7b" else write_models(options.size, Path(folder))
        rows = measure_all(options, folders)
    print(tables(rows))
    if options.json is not None:
        settings = {name: getattr(options, name) for name in ("size", "device", "dtype", "threads", "rounds")}
        write_json(options.json, {"machine": describe_machine(), "settings": settings, "rows": rows})


if __name__ == "__main__":
    main()
