"""Measures the time and the memory of a conversion, compared with a plain copy of the same files.

    python benchmarks/conversion.py --json conversion.json

Writes a random checkpoint of about 4 GB in the layout of llava-hf/llava-onevision-qwen2-7b-ov-hf,
in files of at most 2 GB. Then copies and converts it in turn. Each run is a process of its own.
It starts with the source outside the page cache, and it ends when the result is on the disk
(fsync). The time does not include the start of Python and its imports. Prints a Markdown table of
medians; with --json, also writes all numbers to a file. Needs Linux.
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
from importlib import metadata
from pathlib import Path


sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from fila_video.common.tables import markdown_table  # noqa: E402


# Layers of the language model. A layer has 0.5 GB, embeddings and head have 2.2 GB, and the vision tower has 0.8 GB.
NUM_LAYERS = 2

# The program that is timed. It ends when every byte is on the disk.
RUN = """
import json, os, shutil, sys, time
from pathlib import Path
task, source, output, repository = sys.argv[1:]
def peak_bytes():  # ru_maxrss would begin with the size of the process that started this one
    line = next(line for line in open("/proc/self/status") if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024
if task == "conversion":
    sys.path.insert(0, repository)
    from convert_checkpoint import convert_checkpoint
imported_bytes, start, cpu_start = peak_bytes(), time.perf_counter(), time.process_time()
if task == "conversion":
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
    """Writes the random checkpoint and returns the size of its weights in bytes."""
    # These imports take seconds, which --help does not need.
    import torch
    from transformers import LlavaOnevisionConfig, LlavaOnevisionForConditionalGeneration

    from fila_video.conversion import train_tokenizer
    from fila_video.conversion.formats.key_maps import LLAVA_ONEVISION
    from fila_video.conversion.tokenizer import token_ids
    from fila_video.conversion.weights.prefixes import replace_prefix, reversed_prefixes
    from fila_video.conversion.weights.shards import DEFAULT_MAX_SHARD_BYTES, write_shards
    from modeling_fila.configuration_fila import DEFAULT_TEXT_CONFIG, DEFAULT_VISION_CONFIG

    tokenizer = train_tokenizer()
    image_token, video_token = token_ids(tokenizer, ("<image>", "<video>"))
    config = LlavaOnevisionConfig(
        vision_config=dict(DEFAULT_VISION_CONFIG),
        text_config={**DEFAULT_TEXT_CONFIG, "num_hidden_layers": NUM_LAYERS},
        image_token_index=image_token,
        video_token_index=video_token,
    )
    config.dtype = torch.bfloat16
    folder.mkdir()
    config.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    with torch.device("meta"):
        model = LlavaOnevisionForConditionalGeneration(config)
    prefixes = reversed_prefixes(LLAVA_ONEVISION)
    shapes = {
        replace_prefix(name, prefixes): (tensor.shape, torch.bfloat16) for name, tensor in model.state_dict().items()
    }
    tensors = ((name, torch.empty(shape, dtype=dtype).normal_()) for name, (shape, dtype) in shapes.items())
    write_shards(folder, tensors, shapes, DEFAULT_MAX_SHARD_BYTES)
    return sum(path.stat().st_size for path in folder.glob("*.safetensors"))


def drop_from_page_cache(folder: Path) -> None:
    """Removes the files of a folder from the page cache."""
    for path in folder.iterdir():
        with path.open("rb") as file:
            os.fsync(file.fileno())
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def run_once(task: str, source: Path, output: Path) -> dict[str, float]:
    """Runs a copy or a conversion in a process of its own, and returns its measurements."""
    drop_from_page_cache(source)
    repository = Path(__file__).resolve().parent.parent
    command = [sys.executable, "-c", RUN, task, str(source), str(output), str(repository)]
    load = os.getloadavg()[0]
    done = subprocess.run(command, capture_output=True, check=True, text=True)
    shutil.rmtree(output)
    return {**json.loads(done.stdout.splitlines()[-1]), "load": load}


COLUMNS = {"seconds": 1, "cpu_seconds": 1, "peak_bytes": 1e-6, "imported_bytes": 1e-6}


HEADERS = ("", "seconds", "times the copy", "CPU seconds", "peak memory, MB", "of it imports, MB")


def table(runs: dict[str, list[dict[str, float]]]) -> str:
    """Returns medians as a table. "Times the copy" is the median ratio of each time to that of the copy before."""
    rows = []
    for task, results in runs.items():
        times_copy = statistics.median(
            run["seconds"] / copy["seconds"] for run, copy in zip(results, runs["copy"], strict=True)
        )
        seconds, cpu, peak, imported = (
            statistics.median(run[name] for run in results) * factor for name, factor in COLUMNS.items()
        )
        rows.append((task, f"{seconds:.1f}", f"{times_copy:.2f}", f"{cpu:.1f}", f"{peak:.0f}", f"{imported:.0f}"))
    return markdown_table(HEADERS, rows, align="lrrrrr")


def environment() -> dict[str, str | int]:
    """Describes the machine and the versions of the libraries."""
    return {
        "machine": f"{platform.system()} {platform.machine()}",
        "cores": os.cpu_count() or 0,
        "python": platform.python_version(),
        **{name: metadata.version(name) for name in ("torch", "transformers", "safetensors")},
    }


def main() -> None:
    """Runs the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, help="folder for 12 GB of temporary files (default: the system's)")
    parser.add_argument("--repeats", type=int, default=5, help="number of copies and of conversions (default: 5)")
    parser.add_argument("--json", type=Path, help="JSON file to write all numbers to")
    arguments = parser.parse_args()
    runs: dict[str, list[dict[str, float]]] = {"copy": [], "conversion": []}
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        source = Path(folder) / "source"
        source_bytes = make_source(source)
        for _ in range(arguments.repeats):
            for task, results in runs.items():
                results.append(run_once(task, source, Path(folder) / task))
    print(*(f"{key}: {value}" for key, value in environment().items()), sep=", ")
    loads = [run["load"] for results in runs.values() for run in results]
    print(f"{source_bytes / 1e9:.2f} GB, {arguments.repeats} runs each, load {min(loads):.1f} to {max(loads):.1f}\n")
    print(table(runs))
    if arguments.json:
        results = {"environment": environment(), "source_bytes": source_bytes, "runs": runs}
        arguments.json.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
