"""How much memory and time a conversion takes, beside a plain copy of the same files.

    python benchmarks/conversion.py --json conversion.json

Makes a random checkpoint in the layout of llava-hf/llava-onevision-qwen2-7b-ov-hf with so many layers that it has about
4 GB in two files, then copies it and converts it, in turn. Each run is a process of its own that starts with the source
not in the page cache and ends when the result is on the disk (fsync); its time is from before the first byte is read,
without the start of Python. Prints a Markdown table of medians, and with --json writes all numbers to a file. Needs
Linux.
"""

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import safetensors
import torch
import transformers
from transformers import LlavaOnevisionConfig, LlavaOnevisionForConditionalGeneration


sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from conversion_fila import train_tokenizer  # noqa: E402
from conversion_fila.key_maps import LLAVA_ONEVISION, rename, reversed_table  # noqa: E402
from conversion_fila.shards import write_shards  # noqa: E402
from modeling_fila.configuration_fila import DEFAULT_TEXT_CONFIG, DEFAULT_VISION_CONFIG  # noqa: E402


NUM_LAYERS = 2  # of the language model: its embeddings and head have 2.2 GB, a layer 0.5 GB, the vision tower 0.8 GB
SHARD_BYTES = 2 * 10**9

# What is timed. Both end when every byte is on the disk.
RUN = """
import json, os, shutil, sys, time
from pathlib import Path
way, source, output, repository = sys.argv[1:]
def peak_bytes():  # not ru_maxrss: that begins with the size of the process that started this one
    line = next(line for line in open("/proc/self/status") if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024
if way == "conversion":
    sys.path.insert(0, repository)
    from convert_checkpoint import convert_checkpoint
imported_bytes, start, cpu_start = peak_bytes(), time.perf_counter(), time.process_time()
if way == "conversion":
    convert_checkpoint(source, output, parity=False)
else:
    shutil.copytree(source, output)
for path in Path(output).iterdir():
    with path.open("rb") as file:
        os.fsync(file.fileno())
print(json.dumps({
    "seconds": time.perf_counter() - start,
    "cpu_seconds": time.process_time() - cpu_start,
    "peak_bytes": peak_bytes(),
    "imported_bytes": imported_bytes,
}))
"""


def make_source(folder: Path) -> int:
    """Writes the random checkpoint; returns the bytes of its weights."""
    tokenizer = train_tokenizer()
    config = LlavaOnevisionConfig(
        vision_config=dict(DEFAULT_VISION_CONFIG),
        text_config={**DEFAULT_TEXT_CONFIG, "num_hidden_layers": NUM_LAYERS},
        image_token_index=tokenizer.convert_tokens_to_ids("<image>"),
        video_token_index=tokenizer.convert_tokens_to_ids("<video>"),
    )
    config.dtype = torch.bfloat16
    folder.mkdir()
    config.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    with torch.device("meta"):
        model = LlavaOnevisionForConditionalGeneration(config)
    names = reversed_table(LLAVA_ONEVISION)
    shapes = {rename(name, names): (tensor.shape, torch.bfloat16) for name, tensor in model.state_dict().items()}
    write_shards(folder, ((name, random_rows(shape)) for name, (shape, _) in shapes.items()), shapes, SHARD_BYTES)
    return sum(path.stat().st_size for path in folder.glob("*.safetensors"))


def random_rows(shape: torch.Size, rows_at_once: int = 4096) -> Iterator[torch.Tensor]:
    for start in range(0, shape[0], rows_at_once):
        yield torch.randn(min(rows_at_once, shape[0] - start), *shape[1:]).bfloat16()


def forget(folder: Path) -> None:
    """Takes the files of a folder out of the page cache."""
    for path in folder.iterdir():
        with path.open("rb") as file:
            os.fsync(file.fileno())
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def run_once(way: str, source: Path, output: Path) -> dict[str, float]:
    forget(source)
    repository = Path(__file__).resolve().parent.parent
    command = [sys.executable, "-c", RUN, way, str(source), str(output), str(repository)]
    load = os.getloadavg()[0]
    done = subprocess.run(command, capture_output=True, check=True, text=True)
    shutil.rmtree(output)
    return {**json.loads(done.stdout.splitlines()[-1]), "load": load}


COLUMNS = {"seconds": 1, "cpu_seconds": 1, "peak_bytes": 1e-6, "imported_bytes": 1e-6}


def table(runs: dict[str, list[dict[str, float]]]) -> str:
    """Medians; and the median of how many times as long a conversion took as the copy before it."""
    lines = [
        "| | seconds | times the copy | CPU seconds | peak memory, MB | of it imports, MB |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for way, results in runs.items():
        times_copy = statistics.median(
            run["seconds"] / copy["seconds"] for run, copy in zip(results, runs["copy"], strict=True)
        )
        seconds, cpu, peak, imported = (
            statistics.median(run[name] for run in results) * factor for name, factor in COLUMNS.items()
        )
        lines.append(f"| {way} | {seconds:.1f} | {times_copy:.2f} | {cpu:.1f} | {peak:.0f} | {imported:.0f} |")
    return "\n".join(lines)


def environment() -> dict[str, str | int]:
    return {
        "machine": f"{platform.system()} {platform.machine()}",
        "cores": os.cpu_count() or 0,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "transformers": transformers.__version__,
        "safetensors": safetensors.__version__,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, help="where the 12 GB are put for a while (default: the system's)")
    parser.add_argument("--repeats", type=int, default=5, help="runs of each (default: 5)")
    parser.add_argument("--json", type=Path, help="file to write the numbers to")
    arguments = parser.parse_args()
    runs: dict[str, list[dict[str, float]]] = {"copy": [], "conversion": []}
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        source = Path(folder) / "source"
        source_bytes = make_source(source)
        for _ in range(arguments.repeats):
            for way, results in runs.items():
                results.append(run_once(way, source, Path(folder) / way))
    print(*(f"{key}: {value}" for key, value in environment().items()), sep=", ")
    loads = [run["load"] for results in runs.values() for run in results]
    print(f"{source_bytes / 1e9:.2f} GB, {arguments.repeats} runs of each, load {min(loads):.1f} to {max(loads):.1f}\n")
    print(table(runs))
    if arguments.json:
        results = {"environment": environment(), "source_bytes": source_bytes, "runs": runs}
        arguments.json.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
