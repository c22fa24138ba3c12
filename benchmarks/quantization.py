"""Measures how much memory int8 and int4 weights save, and how much they change the outputs.

    python benchmarks/quantization.py --json quantization.json
    python benchmarks/quantization.py --model PATH --formats bfloat16 int8 int4

Prints a Markdown table; with --json, also writes the numbers to a file. Without --model it makes a model with untrained
weights: a language model of the size of Qwen2-0.5B and a vision tower of the size of SigLIP base patch16-224.

Each format is loaded in a process of its own, as docs/quantize.md describes. The first format is the reference. The
others are compared with it on the same random video and prompts, at every position after the video, so that an early
difference does not affect later positions. Greedy decoding is compared too, where early differences do affect later
tokens. Memory is read from /proc, so this needs Linux.

weights           size of all parameters, and of those that stay in float
held              memory of the process with the video in the cache, minus the memory before loading
peak              largest memory of the process, with Python, PyTorch and the file while it is read
relative error    of the logits: norm of the difference, divided by the norm of the reference
same best token   share of the positions where both models rank the same token first
greedy agreement  number of generated tokens before the first difference, averaged over the prompts
"""

import argparse
import copy
import ctypes
import json
import logging
import platform
import re
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

import torch
import transformers
from torch import Tensor
from transformers import AutoConfig, Cache, QuantoConfig


sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from configuration_fila import FilaVideoConfig  # noqa: E402
from fila_video.common.loading import loading  # noqa: E402
from modeling_fila import FilaVideoForConditionalGeneration  # noqa: E402
from modeling_fila.modeling_compat import CACHE_NAME  # noqa: E402


QWEN2_HALF_BILLION = {
    "model_type": "qwen2",
    "vocab_size": 151936,
    "hidden_size": 896,
    "intermediate_size": 4864,
    "num_hidden_layers": 24,
    "num_attention_heads": 14,
    "num_key_value_heads": 2,
    "max_position_embeddings": 32768,
    "tie_word_embeddings": True,
}
SIGLIP_BASE = {
    "model_type": "siglip_vision_model",
    "hidden_size": 768,
    "intermediate_size": 3072,
    "num_hidden_layers": 11,
    "num_attention_heads": 12,
    "image_size": 224,
    "patch_size": 16,
    "vision_use_head": False,
}

# Dtype of the activations and of the weights that stay in float, and format of the language model's weights.
FORMATS = {
    "float32": (torch.float32, None),
    "bfloat16": (torch.bfloat16, None),
    "int8": (torch.bfloat16, "int8"),
    "int4": (torch.bfloat16, "int4"),
}


def write_untrained_model(folder: Path) -> None:
    """Writes a model with random weights."""
    config = FilaVideoConfig(vision_config=SIGLIP_BASE, text_config=QWEN2_HALF_BILLION, num_scenes=4)
    torch.manual_seed(0)
    FilaVideoForConditionalGeneration(config).save_pretrained(folder)


def load(folder: Path, name: str) -> FilaVideoForConditionalGeneration:
    """Loads the model in one of the formats, as docs/quantize.md describes."""
    dtype, weights = FORMATS[name]
    quantization = None
    if weights is not None:
        keep = AutoConfig.from_pretrained(folder).modules_to_not_quantize
        quantization = QuantoConfig(weights=weights, modules_to_not_convert=keep)
    with loading(folder):
        return FilaVideoForConditionalGeneration.from_pretrained(folder, dtype=dtype, quantization_config=quantization)


def stored_bytes(tensor: Tensor) -> int:
    """Returns the size of a tensor in bytes, or of the tensors inside a quantized one."""
    if not hasattr(tensor, "__tensor_flatten__"):
        return tensor.nbytes
    inner, _ = tensor.__tensor_flatten__()
    return sum(stored_bytes(getattr(tensor, name)) for name in inner)


def make_prompts(config: FilaVideoConfig, num_prompts: int, length: int) -> Tensor:
    """Returns random tokens (num_prompts, length)."""
    generator = torch.Generator().manual_seed(0)
    return torch.randint(min(config.text_config.vocab_size, 100_000), (num_prompts, length), generator=generator)


def watch_a_video(model: FilaVideoForConditionalGeneration, num_frames: int) -> Cache:
    """Returns the key-value cache after the visual tokens of a random video."""
    size = model.config.vision_config.image_size
    pixels = torch.randn(1, num_frames, 3, size, size, generator=torch.Generator().manual_seed(0))
    features = model.get_video_features(pixels)
    placeholders = torch.full((1, len(features.pooler_output[0])), model.config.video_token_id)
    return model(placeholders, mm_encoder_outputs={"video": features}, logits_to_keep=1)[CACHE_NAME]


def ask(
    model: FilaVideoForConditionalGeneration, cache: Cache, prompt: Tensor, new_tokens: int
) -> tuple[Tensor, Tensor]:
    """Returns the logits (T, vocabulary) of a prompt and the greedy answer to it."""
    logits = model(prompt[None], **{CACHE_NAME: cache}).logits[0].float()
    answer = [logits[-1].argmax()]
    while len(answer) < new_tokens:
        answer.append(model(answer[-1].reshape(1, 1), **{CACHE_NAME: cache}).logits[0, -1].argmax())
    return logits, torch.stack(answer)


def process_bytes(name: str) -> int:
    """Returns a memory size of this process: VmRSS (held now) or VmHWM (largest so far)."""
    status = Path("/proc/self/status").read_text()
    return 1024 * int(re.search(rf"{name}:\s+(\d+) kB", status).group(1))


def return_freed_memory() -> None:
    """Returns freed memory to the system. After loading, glibc keeps much of it."""
    ctypes.CDLL(None).malloc_trim(0)


@torch.no_grad()
def measure(folder: Path, name: str, num_frames: int, num_prompts: int, new_tokens: int) -> dict:
    """Measures sizes and outputs of one format. Must run in a process of its own."""
    before = process_bytes("VmRSS")
    model = load(folder, name).eval()
    parameters = list(model.parameters())
    cache = watch_a_video(model, num_frames)
    return_freed_memory()
    held = process_bytes("VmRSS") - before
    prompts = make_prompts(model.config, num_prompts, length=32)
    logits, answers = zip(*(ask(model, copy.deepcopy(cache), prompt, new_tokens) for prompt in prompts), strict=True)
    return {
        "parameters": sum(parameter.numel() for parameter in parameters),
        "weight_bytes": sum(map(stored_bytes, parameters)),
        "float_weight_bytes": sum(p.nbytes for p in parameters if not hasattr(p, "__tensor_flatten__")),
        "held_bytes": held,
        "peak_bytes": process_bytes("VmHWM"),
        "visual_tokens": cache.get_seq_length(),
        "logits": torch.stack(logits),
        "answers": torch.stack(answers),
    }


def measure_in_a_process(folder: Path, name: str, arguments: argparse.Namespace) -> dict:
    """Runs `measure` in a process of its own."""
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
    return {
        "device": f"CPU ({platform.processor() or platform.machine()}), {torch.get_num_threads()} threads",
        "python": platform.python_version(),
        "torch": torch.__version__,
        "transformers": transformers.__version__,
        "optimum-quanto": version("optimum-quanto"),
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
        logging.getLogger("torch.utils.cpp_extension").setLevel(logging.ERROR)  # quanto works without a GPU
        torch.save(measure(Path(folder), name, int(frames), int(prompts), int(new_tokens)), output)
        return
    arguments = parse_arguments()
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.model or Path(temporary)
        if arguments.model is None:
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
