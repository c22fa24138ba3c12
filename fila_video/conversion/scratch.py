"""Writes untrained checkpoints: a tiny one for tests and demos, and one of the paper's size."""

import math
from pathlib import Path
from typing import Any

import torch
from transformers import PreTrainedTokenizerBase

from configuration_fila import FilaVideoConfig
from modeling_fila import FilaVideoForConditionalGeneration

from .checkpoint_folder import save_config_and_processor, unfinished_folder
from .tokenizer import PLACEHOLDERS, token_ids, train_tokenizer
from .weights.grow_embeddings import ROW_MULTIPLE
from .weights.initial_weights import initial_weights, model_on_meta
from .weights.shards import DEFAULT_MAX_SHARD_BYTES, write_shards


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
    """The paper's numbers of frames and scenes, with 200 thousand parameters: 4 x 4 patches, width 64."""
    return _with_tokens(FilaVideoConfig(vision_config=TINY_VISION, text_config=TINY_TEXT), tokenizer, vocab_size=None)


def paper_config(tokenizer: PreTrainedTokenizerBase) -> FilaVideoConfig:
    """FiLA-Video-7B."""
    config = FilaVideoConfig()
    return _with_tokens(config, tokenizer, vocab_size=config.text_config.vocab_size)


SIZES = {"tiny": (tiny_config, torch.float32), "7b": (paper_config, torch.bfloat16)}


def write_scratch_checkpoint(
    size: str,
    output: str | Path,
    *,
    dtype: torch.dtype | None = None,
    seed: int = 0,
    max_shard_bytes: int = DEFAULT_MAX_SHARD_BYTES,
) -> None:
    """
    Writes an untrained checkpoint with tokenizer, processor, generation config and the code to load it.

    Weights are made layer by layer and written shard by shard, so that memory holds one shard.

    Args:
        size: `"tiny"` or `"7b"`.
        output: Folder that does not exist yet, or that is empty.
        dtype: Dtype of the weights. Default: float32 for `"tiny"`, bfloat16 for `"7b"`.
        seed: Random seed of the weights.
        max_shard_bytes: Largest size of a file of weights in bytes.

    Raises:
        ValueError: If the size is unknown.
        FileExistsError: If the folder is not empty.
    """
    if size not in SIZES:
        raise ValueError(f"scratch:{size} is unknown; choose one of {', '.join('scratch:' + name for name in SIZES)}.")
    make_config, default_dtype = SIZES[size]
    tokenizer = train_tokenizer()
    config = make_config(tokenizer)
    config.dtype = dtype or default_dtype
    with unfinished_folder(output) as folder:
        save_config_and_processor(folder, config, tokenizer)
        model = model_on_meta(FilaVideoForConditionalGeneration, config)
        shapes = {name: (tensor.shape, tensor.dtype) for name, tensor in model.state_dict().items()}
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            write_shards(folder, initial_weights(model), shapes, max_shard_bytes)


def _with_tokens(
    config: FilaVideoConfig, tokenizer: PreTrainedTokenizerBase, vocab_size: int | None
) -> FilaVideoConfig:
    values: dict[str, Any] = config.to_dict()
    values["image_token_id"], values["video_token_id"] = token_ids(tokenizer, PLACEHOLDERS)
    values["text_config"]["vocab_size"] = vocab_size or math.ceil(len(tokenizer) / ROW_MULTIPLE) * ROW_MULTIPLE
    values["text_config"]["eos_token_id"] = tokenizer.eos_token_id
    values["text_config"]["pad_token_id"] = tokenizer.pad_token_id
    return FilaVideoConfig.from_dict(values)
