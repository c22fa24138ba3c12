"""Checkpoints with untrained weights: a tiny one for tests and demos, and one of the paper's size."""

import math
from pathlib import Path
from typing import Any

import torch
from transformers import PreTrainedTokenizerBase

from configuration_fila import FilaVideoConfig
from modeling_fila import FilaVideoForConditionalGeneration

from .checkpoint_folder import save_beside_weights, unfinished_folder
from .initial_weights import initial_weights, model_on_meta
from .shards import write_shards
from .tokenizer import train_tokenizer


TINY_VISION = {
    "model_type": "siglip_vision_model",
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "image_size": 56,
    "patch_size": 14,
    "vision_use_head": False,
}
TINY_TEXT = {
    "model_type": "qwen2",
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 32768,
}


def tiny_config(tokenizer: PreTrainedTokenizerBase) -> FilaVideoConfig:
    """The paper's numbers of frames and scenes, with models of 200 thousand parameters: 4 x 4 patches, width 64."""
    return _with_tokens(FilaVideoConfig(vision_config=TINY_VISION, text_config=TINY_TEXT), tokenizer, vocab_size=None)


def paper_config(tokenizer: PreTrainedTokenizerBase) -> FilaVideoConfig:
    """FiLA-Video-7B."""
    config = FilaVideoConfig()
    return _with_tokens(config, tokenizer, vocab_size=config.text_config.vocab_size)


SIZES = {"tiny": (tiny_config, torch.float32), "7b": (paper_config, torch.bfloat16)}


def write_scratch_checkpoint(
    size: str, output: str | Path, *, dtype: torch.dtype | None = None, seed: int = 0, max_shard_bytes: int = 2 * 10**9
) -> None:
    """
    Writes an untrained checkpoint with tokenizer, processor, generation config and the code to load it.

    Weights are made and written layer by layer, so that memory is bounded by the largest layer.

    Args:
        size (`str`): `"tiny"` or `"7b"`.
        output: a folder that does not exist yet or is empty.
        dtype (`torch.dtype`, *optional*): of the weights. Default: float32 for `"tiny"`, bfloat16 for `"7b"`.
        seed (`int`): of the weights.
        max_shard_bytes (`int`): the largest file of weights.

    Raises:
        `ValueError`: if the size is unknown. `FileExistsError`: if the folder holds something.
    """
    if size not in SIZES:
        raise ValueError(f"scratch:{size} is unknown; choose one of {', '.join('scratch:' + name for name in SIZES)}.")
    make_config, default_dtype = SIZES[size]
    tokenizer = train_tokenizer()
    config = make_config(tokenizer)
    config.dtype = dtype or default_dtype
    with unfinished_folder(output) as folder:
        save_beside_weights(folder, config, tokenizer)
        model = model_on_meta(FilaVideoForConditionalGeneration, config)
        shapes = {name: (tensor.shape, tensor.dtype) for name, tensor in model.state_dict().items()}
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            weights = ((name, [weight]) for name, weight in initial_weights(model))
            write_shards(folder, weights, shapes, max_shard_bytes)


def _with_tokens(
    config: FilaVideoConfig, tokenizer: PreTrainedTokenizerBase, vocab_size: int | None
) -> FilaVideoConfig:
    values: dict[str, Any] = config.to_dict()
    values["image_token_id"], values["video_token_id"] = tokenizer.convert_tokens_to_ids(["<image>", "<video>"])
    # Rows in a multiple of 64, as transformers pads embeddings for the hardware.
    values["text_config"]["vocab_size"] = vocab_size or math.ceil(len(tokenizer) / 64) * 64
    values["text_config"]["eos_token_id"] = tokenizer.eos_token_id
    values["text_config"]["pad_token_id"] = tokenizer.pad_token_id
    return FilaVideoConfig.from_dict(values)
