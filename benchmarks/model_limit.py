"""What the matrix products of a video's answer take at the rate of this machine."""

import argparse
import time
from typing import Any

from benchmarks.model_run import PROMPT_TOKENS, count_tokens, synchronize
from benchmarks.model_sizes import sub_configs


def limit_seconds(options: argparse.Namespace, num_frames: int, flops_per_second: float) -> float:
    """Returns the time of the matrix products of the tower for all frames and of the language model for the prompt."""
    from transformers import LlavaOnevisionConfig

    vision, text = sub_configs(options.size)
    config = LlavaOnevisionConfig(vision_config=vision, text_config=text)
    config.num_scenes = 32
    patches = (config.vision_config.image_size // config.vision_config.patch_size) ** 2
    tokens = count_tokens(options, config, num_frames) + PROMPT_TOKENS
    tower = num_frames * block_flops(vision, patches, is_causal=False, num_mlp_products=2)
    prompt = block_flops(text, tokens, is_causal=True, num_mlp_products=3)
    return (tower + prompt) / flops_per_second


def block_flops(config: dict[str, Any], tokens: int, *, is_causal: bool, num_mlp_products: int) -> float:
    """Returns the floating-point operations of a transformer's layers, (tokens, width) -> (tokens, width)."""
    width, heads = config["hidden_size"], config["num_attention_heads"]
    key_value_share = config.get("num_key_value_heads", heads) / heads
    weights = width * width * (2 + 2 * key_value_share) + num_mlp_products * width * config["intermediate_size"]
    attention = 4 * tokens * tokens * width / (2 if is_causal else 1)
    return config["num_hidden_layers"] * (2 * tokens * weights + attention)


def run_rate(options: argparse.Namespace) -> dict[str, float]:
    """Measures how many floating-point operations per second large matrix products reach."""
    import torch

    torch.set_num_threads(options.threads)
    dtype, rates = getattr(torch, options.dtype), []
    for rows, inner, columns in ((4096, 4096, 4096), (6144, 896, 4736), (11664, 1152, 4304)):
        left = torch.rand(rows, inner, device=options.device, dtype=dtype)
        right = torch.rand(inner, columns, device=options.device, dtype=dtype)
        for _ in range(4):
            synchronize(options.device)
            start = time.perf_counter()
            left @ right
            synchronize(options.device)
            rates.append(2 * rows * inner * columns / (time.perf_counter() - start))
    return {"flops_per_second": max(rates)}
