"""What attention with a mask of questions costs on a CPU, for each implementation that takes one.

    python -m benchmarks.question_attention --json question_attention.json

A forward and backward pass of the small model's language model over rows of a shared beginning and 16 questions, under
bfloat16 autocast, on one thread. CPU seconds, medians; implementations take turns. Prints a Markdown table.
"""

import argparse
import json
import platform
import statistics
import time
from pathlib import Path

import torch
import transformers
from transformers import Qwen2Config, Qwen2Model

from mini_fila.untrained import TEXT, VOCABULARY
from training_fila.separate_questions import MASKED_ATTENTION, SHARED, attention_of_questions


ROWS, SHARED_TOKENS, QUESTIONS, TOKENS_OF_QUESTION = 8, 163, 16, 24


def question_ids() -> torch.Tensor:
    """(ROWS, T): whose token each is, as the collator lays rows out."""
    owners = torch.arange(1, QUESTIONS + 1).repeat_interleave(TOKENS_OF_QUESTION)
    return torch.cat([torch.full((SHARED_TOKENS,), SHARED), owners]).expand(ROWS, -1)


def measure(model: Qwen2Model, tokens: torch.Tensor, owners: torch.Tensor) -> float:
    """CPU seconds of one pass, the mask's making included."""
    started = time.process_time()
    mask = attention_of_questions(owners, model.config._attn_implementation)
    with torch.autocast("cpu", torch.bfloat16):
        states = model(tokens, attention_mask=mask, use_cache=False).last_hidden_state
    states.float().square().mean().backward()
    return time.process_time() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    model = Qwen2Model(Qwen2Config(**{**TEXT, "vocab_size": VOCABULARY})).train()
    owners = question_ids()
    tokens = torch.randint(VOCABULARY, owners.shape)
    seconds: dict[str, list[float]] = {name: [] for name in MASKED_ATTENTION}
    for repeat in range(options.repeats + 1):
        for name, found in seconds.items():
            model.set_attn_implementation(name)
            taken = measure(model, tokens, owners)
            if repeat:  # the first is a warm-up
                found.append(taken)
    medians = {name: statistics.median(found) for name, found in seconds.items()}
    print("| attention | CPU s |\n| --- | ---: |")
    for name, median in medians.items():
        print(f"| {name} | {median:.2f} |")
    if options.json:
        about = {
            "python": platform.python_version(),
            "torch": torch.__version__,
            "transformers": transformers.__version__,
        }
        options.json.write_text(json.dumps({**about, "medians": medians, "all": seconds}, indent=1) + "\n")


if __name__ == "__main__":
    main()
