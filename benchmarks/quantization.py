"""Measures how much memory int8 and int4 weights save, and how much they change the outputs.

    python benchmarks/quantization.py --json quantization.json
    python benchmarks/quantization.py --model PATH --formats bfloat16 int8 int4

Prints a Markdown table; with --json, also writes the numbers to a file. Without --model it makes
a model with untrained weights: a language model of the size of Qwen2-0.5B and a vision tower of
the size of SigLIP base patch16-224.

Each format is loaded in a process of its own, as docs/quantize.md describes. The first format is
the reference. The others are compared with it on the same random video and prompts, at every
position after the video, so that an early difference does not affect later positions. Greedy
decoding is compared too, where early differences do affect later tokens. Memory is read from
/proc, so this needs Linux.

weights           size of all parameters, and of those that stay in float
held              memory of the process with the video in the cache, minus that before loading
peak              largest memory, with Python, PyTorch and the file while it is read
relative error    of the logits: norm of the difference, divided by the norm of the reference
same best token   share of the positions where both models rank the same token first
greedy agreement  mean number of generated tokens before the first difference
"""

import argparse
import json
import logging
import platform
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path


sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

# Formats of `quantized_model.py`; the first ones are not quantized.
FORMATS = ("float32", "bfloat16", "int8", "int4")


def measure_in_a_process(folder: Path, name: str, arguments: argparse.Namespace) -> dict:
    """Runs `measure` in a process of its own."""
    import torch

    with tempfile.NamedTemporaryFile(suffix=".pt") as file:
        sizes = [str(size) for size in (arguments.frames, arguments.prompts, arguments.new_tokens)]
        command = [sys.executable, __file__, "--measure", str(folder), name, *sizes, file.name]
        subprocess.run(command, check=True, stdout=sys.stderr)
        return torch.load(file.name)


def compare(name: str, measured: dict, reference: dict) -> dict:
    """Returns one row of the table."""
    difference = measured["logits"] - reference["logits"]
    same = measured["answers"] == reference["answers"]
    return {
        "format": name,
        "weights, MB": measured["weight_bytes"] / 1e6,
        "of these in float, MB": measured["float_weight_bytes"] / 1e6,
        "held, MB": measured["held_bytes"] / 1e6,
        "peak, MB": measured["peak_bytes"] / 1e6,
        "relative error": (difference.norm() / reference["logits"].norm()).item(),
        "largest difference": difference.abs().max().item(),
        "same best token": (measured["logits"].argmax(-1) == reference["logits"].argmax(-1)).float().mean().item(),
        "greedy agreement": f"{same.cumprod(1).sum(1).float().mean().item():.1f} of {same.shape[1]}",
    }


def markdown(rows: list[dict]) -> str:
    """Returns a Markdown table. Its header is the keys of the first row."""
    lines = [list(rows[0]), ["---"] * len(rows[0])]
    lines += [[_cell(value) for value in row.values()] for row in rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _cell(value: str | float) -> str:
    if isinstance(value, str):
        return value
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def environment() -> dict:
    """Describes the machine and the versions of the libraries."""
    import torch

    return {
        "device": f"CPU ({platform.processor() or platform.machine()}), {torch.get_num_threads()} threads",
        "python": platform.python_version(),
        **{name: version(name) for name in ("torch", "transformers", "optimum-quanto")},
    }


def parse_arguments() -> argparse.Namespace:
    """Parses the arguments of the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, help="folder of a checkpoint (default: a model with untrained weights)")
    parser.add_argument(
        "--formats",
        nargs="+",
        choices=FORMATS,
        default=list(FORMATS),
        metavar="FORMAT",
        help="formats to compare; the first one is the reference (default: all)",
    )
    parser.add_argument("--frames", type=int, default=12, help="number of frames of the video (default: 12)")
    parser.add_argument("--prompts", type=int, default=4, help="number of prompts about the video (default: 4)")
    parser.add_argument(
        "--new-tokens", type=int, default=8, help="number of tokens to generate for each prompt (default: 8)"
    )
    parser.add_argument("--json", type=Path, help="JSON file to write the numbers to")
    return parser.parse_args()


def main() -> None:
    """Runs the command line."""
    if sys.argv[1:2] == ["--measure"]:
        folder, name, frames, prompts, new_tokens, output = sys.argv[2:]
        import torch

        from benchmarks.quantized_model import measure

        logging.getLogger("torch.utils.cpp_extension").setLevel(logging.ERROR)  # quanto works without a GPU
        torch.save(measure(Path(folder), name, int(frames), int(prompts), int(new_tokens)), output)
        return
    arguments = parse_arguments()
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.model or Path(temporary)
        if arguments.model is None:
            from benchmarks.quantized_model import write_untrained_model

            write_untrained_model(folder)
        measured = {name: measure_in_a_process(folder, name, arguments) for name in arguments.formats}
    reference = measured[arguments.formats[0]]
    rows = [compare(name, values, reference) for name, values in measured.items()]
    about = {**environment(), "parameters": reference["parameters"], "visual tokens": reference["visual_tokens"]}
    print(*(f"{key}: {value}" for key, value in about.items()), sep=", ")
    print(f"\n{markdown(rows)}")
    if arguments.json:
        arguments.json.write_text(json.dumps({"environment": about, "rows": rows}, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
