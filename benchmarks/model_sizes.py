"""The models that `python -m benchmarks.model` compares, in three sizes."""

import argparse
from pathlib import Path
from typing import Any


ENGINES = {"llava": "LLaVA-OneVision", "fila": "FiLA-Video"}
# The sizes as fractions of the paper's model: SigLIP so400m and Qwen2-7B.
SIZES: dict[str, dict[str, dict[str, Any]]] = {
    "quarter": {
        "vision": {"hidden_size": 288, "intermediate_size": 1076, "num_hidden_layers": 7, "num_attention_heads": 4},
        "text": {
            "hidden_size": 896,
            "intermediate_size": 4736,
            "num_hidden_layers": 7,
            "num_attention_heads": 7,
            "num_key_value_heads": 1,
        },
    },
    "7b": {"vision": {}, "text": {}},
    # For the tests of this file.
    "tiny": {
        "vision": {
            "hidden_size": 16,
            "intermediate_size": 32,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "image_size": 56,
        },
        "text": {
            "hidden_size": 32,
            "intermediate_size": 64,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "num_key_value_heads": 1,
        },
    },
}


def sub_configs(size: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Returns the configurations of tower and language model."""
    from modeling_fila.configuration_fila import DEFAULT_TEXT_CONFIG, DEFAULT_VISION_CONFIG

    parts = SIZES[size]
    text = {**DEFAULT_TEXT_CONFIG, **parts["text"]}
    if size != "7b":  # embeddings take no time, and a small tokenizer can be trained at once
        text["vocab_size"] = 2048
    return {**DEFAULT_VISION_CONFIG, **parts["vision"]}, text


def write_models(size: str, folder: Path) -> dict[str, Path]:
    """Writes a random LLaVA-OneVision checkpoint, and the FiLA-Video checkpoint that it converts to."""
    import torch
    from transformers import LlavaOnevisionConfig, LlavaOnevisionForConditionalGeneration

    from convert_checkpoint import convert_checkpoint
    from fila_video.conversion import train_tokenizer
    from fila_video.conversion.tokenizer import token_ids

    tokenizer = train_tokenizer()
    image_token, video_token = token_ids(tokenizer, ("<image>", "<video>"))
    vision, text = sub_configs(size)
    config = LlavaOnevisionConfig(
        vision_config=vision,
        text_config=text,
        image_token_index=image_token,
        video_token_index=video_token,
        image_grid_pinpoints=[[vision["image_size"], 2 * vision["image_size"]]],
    )
    torch.manual_seed(0)
    LlavaOnevisionForConditionalGeneration(config).save_pretrained(folder / "llava")
    tokenizer.save_pretrained(folder / "llava")
    convert_checkpoint(folder / "llava", folder / "fila", parity=False)
    return {engine: folder / engine for engine in ENGINES}


def load(options: argparse.Namespace) -> Any:
    """Loads the model of a checkpoint, or makes one with random weights on the device."""
    import torch
    from transformers import AutoModelForImageTextToText, LlavaOnevisionConfig, LlavaOnevisionForConditionalGeneration

    import fila_video  # noqa: F401 (registers the classes)
    from modeling_fila import FilaVideoConfig, FilaVideoForConditionalGeneration

    dtype = getattr(torch, options.dtype)
    if options.model is not None:
        model = AutoModelForImageTextToText.from_pretrained(options.model, dtype=dtype)
    else:
        vision, text = sub_configs(options.size)
        is_ours = options.engine == "fila"
        make = FilaVideoForConditionalGeneration if is_ours else LlavaOnevisionForConditionalGeneration
        config = (FilaVideoConfig if is_ours else LlavaOnevisionConfig)(vision_config=vision, text_config=text)
        config.dtype = dtype
        with torch.device(options.device):
            model = make._from_config(config) if hasattr(make, "_from_config") else make(config)
    return model.to(options.device).eval()
