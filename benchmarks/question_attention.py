"""Measures the time of attention with the mask of packed questions on a CPU, for each implementation
that takes it.

    python -m benchmarks.question_attention --json question_attention.json

Each measurement is a forward and backward pass of the small model's language model under bfloat16
autocast, on one thread. A row has a shared prefix and 16 questions. The implementations take
turns. The Markdown table has medians of CPU seconds.
"""

import argparse
import json
import platform
import statistics
import time
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from fila_video.common.tables import markdown_table


if TYPE_CHECKING:  # PyTorch and transformers take seconds, which --help does not need
    import torch
    from transformers import Qwen2Model


ROWS, SHARED_TOKENS, QUESTIONS, TOKENS_OF_QUESTION = 8, 163, 16, 24


def question_ids() -> "torch.Tensor":
    """The number of each token's question, `(ROWS, T)`, as the collator returns it."""
    import torch

    from fila_video.training.data.question_packing import SHARED_PREFIX

    owners = torch.arange(1, QUESTIONS + 1).repeat_interleave(TOKENS_OF_QUESTION)
    return torch.cat([torch.full((SHARED_TOKENS,), SHARED_PREFIX), owners]).expand(ROWS, -1)


def measure(model: "Qwen2Model", tokens: "torch.Tensor", owners: "torch.Tensor") -> float:
    """Returns the CPU seconds of one pass, including the time to make the mask."""
    import torch

    from fila_video.training.data.question_packing import packed_attention_mask

    started = time.process_time()
    mask = packed_attention_mask(owners, model.config._attn_implementation)
    with torch.autocast("cpu", torch.bfloat16):
        states = model(tokens, attention_mask=mask, use_cache=False).last_hidden_state
    states.float().square().mean().backward()
    return time.process_time() - started


def measure_all(repeats: int) -> dict[str, list[float]]:
    """Returns the CPU seconds of each implementation."""
    import torch
    from transformers import Qwen2Config, Qwen2Model

    from fila_video.mini.architecture import TEXT
    from fila_video.mini.tokenizer import VOCABULARY
    from fila_video.training.data.question_packing import MASKED_ATTENTION

    torch.set_num_threads(1)
    torch.manual_seed(0)
    model = Qwen2Model(Qwen2Config(**{**TEXT, "vocab_size": VOCABULARY})).train()
    owners = question_ids()
    tokens = torch.randint(VOCABULARY, owners.shape)
    seconds: dict[str, list[float]] = {name: [] for name in MASKED_ATTENTION}
    for repeat in range(repeats + 1):
        for name, found in seconds.items():
            model.set_attn_implementation(name)
            taken = measure(model, tokens, owners)
            if repeat:  # the first is a warm-up
                found.append(taken)
    return seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=5, help="number of measurements of each implementation")
    parser.add_argument("--json", type=Path, help="file for all measurements")
    options = parser.parse_args()
    seconds = measure_all(options.repeats)
    medians = {name: statistics.median(found) for name, found in seconds.items()}
    print(
        markdown_table(["attention", "CPU s"], [(name, f"{value:.2f}") for name, value in medians.items()], align="lr")
    )
    if options.json:
        about = {
            "python": platform.python_version(),
            **{name: metadata.version(name) for name in ("torch", "transformers")},
        }
        options.json.write_text(json.dumps({**about, "medians": medians, "all": seconds}, indent=1) + "\n")


if __name__ == "__main__":
    main()
