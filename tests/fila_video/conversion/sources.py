"""Writes tiny checkpoints with random weights, in every format that can be converted, as other programs do."""

import json
from pathlib import Path

import torch
from safetensors.torch import save_file
from transformers import (
    LlavaOnevisionConfig,
    LlavaOnevisionForConditionalGeneration,
    PreTrainedModel,
    Qwen2Config,
    Qwen2ForCausalLM,
    SiglipConfig,
    SiglipModel,
)

from fila_video.conversion.tokenizer import train_tokenizer
from tests.models import TEXT, VISION


TOKENIZER = train_tokenizer()
ROWS = 1088  # 17 * 64, more than the tokenizer has tokens
IMAGE_ID, VIDEO_ID = TOKENIZER.convert_tokens_to_ids(["<image>", "<video>"])
SIZE = VISION["image_size"]
PINPOINTS = [[rows * SIZE, columns * SIZE] for rows in range(1, 4) for columns in range(1, 4)]
TEXT_VALUES = {**TEXT, "vocab_size": ROWS}
CARD = "---\nlicense: apache-2.0\npipeline_tag: image-text-to-text\n---\n# A source\n"

# Prefixes of names in a model of transformers, and in the files of its releases.
PREFIX_STYLES = {
    "published": {
        "model.language_model.": "language_model.model.",
        "lm_head.": "language_model.lm_head.",
        "model.vision_tower.": "vision_tower.vision_model.",
        "model.multi_modal_projector.": "multi_modal_projector.",
        "model.image_newline": "image_newline",
    },
    "version 5": {"model.": "model.", "lm_head.": "lm_head."},
    "version 5, with vision_model": {
        "model.": "model.",
        "lm_head.": "lm_head.",
        "model.vision_tower.": "model.vision_tower.vision_model.",
    },
}

# Prefixes of names in a model of transformers, and in the LLaVA-NeXT code.
LLAVA_NEXT_NAMES = {
    "model.language_model.embed_tokens.": "model.embed_tokens.",
    "model.language_model.layers.": "model.layers.",
    "model.language_model.norm.": "model.norm.",
    "lm_head.": "lm_head.",
    "model.vision_tower.": "model.vision_tower.vision_tower.vision_model.",
    "model.multi_modal_projector.linear_1.": "model.mm_projector.0.",
    "model.multi_modal_projector.linear_2.": "model.mm_projector.2.",
    "model.image_newline": "model.image_newline",
}

LLAVA_NEXT_CONFIG = {
    "architectures": ["LlavaQwenForCausalLM"],
    "model_type": "llava_qwen",
    "attention_dropout": 0.0,
    "bos_token_id": None,
    "eos_token_id": None,
    "hidden_act": "silu",
    "hidden_size": 48,
    "intermediate_size": 96,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 2048,
    "rms_norm_eps": 1e-6,
    "rope_theta": 10000.0,
    "rope_scaling": None,
    "sliding_window": None,
    "use_sliding_window": False,
    "tie_word_embeddings": False,
    "torch_dtype": "bfloat16",
    "use_cache": True,
    "vocab_size": ROWS,
    "mm_vision_tower": "google/siglip-so400m-patch14-384",
    "mm_hidden_size": 32,
    "mm_projector_type": "mlp2x_gelu",
    "mm_patch_merge_type": "spatial_unpad",
    "mm_resampler_type": None,
    "mm_vision_select_layer": -2,
    "mm_vision_select_feature": "patch",
    "mm_use_im_start_end": False,
    "mm_use_im_patch_token": False,
    "mm_tunable_parts": "mm_vision_tower,mm_mlp_adapter,mm_language_model",
    "image_aspect_ratio": "anyres_max_9",
    "image_grid_pinpoints": PINPOINTS,
    "mm_spatial_pool_mode": "bilinear",
    "mm_spatial_pool_stride": None,
    "tokenizer_model_max_length": 32768,
    "tokenizer_padding_side": "right",
}


def renamed(state: dict[str, torch.Tensor], table: dict[str, str]) -> dict[str, torch.Tensor]:
    """Replaces the longest known prefix of each name."""
    result = {}
    for name, tensor in state.items():
        prefix = max((prefix for prefix in table if name.startswith(prefix)), key=len)
        result[table[prefix] + name.removeprefix(prefix)] = tensor.clone()
    return result


def shake(model: PreTrainedModel, seed: int = 0) -> PreTrainedModel:
    """Makes weights larger than at initialization, so that answers depend on the image or video."""
    generator = torch.Generator().manual_seed(seed)
    for parameter in model.parameters():
        parameter.data += 0.1 * torch.randn(parameter.shape, generator=generator)
    return model.eval()


def write_folder(folder: Path, config: dict, tensors: dict[str, torch.Tensor], *, card: str | None = CARD) -> Path:
    """Writes a checkpoint of one file, with tokenizer and card."""
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(config))
    save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, folder / "model.safetensors")
    TOKENIZER.save_pretrained(folder)
    if card is not None:
        (folder / "README.md").write_text(card)
    return folder


def llava_onevision(**values) -> LlavaOnevisionForConditionalGeneration:
    config = LlavaOnevisionConfig(
        vision_config=dict(VISION),
        text_config=dict(TEXT_VALUES),
        image_token_index=IMAGE_ID,
        video_token_index=VIDEO_ID,
        image_grid_pinpoints=PINPOINTS,
    )
    for name, value in values.items():
        setattr(config, name, value)
    return shake(LlavaOnevisionForConditionalGeneration(config))


def untied(model: PreTrainedModel) -> dict[str, torch.Tensor]:
    """Returns the state dict without a head that is tied to the embeddings."""
    state = dict(model.state_dict())
    if model.config.tie_word_embeddings:
        del state["lm_head.weight"]
    return state


def write_llava_onevision(folder: Path, model: PreTrainedModel, style: str = "published") -> Path:
    return write_folder(folder, model.config.to_dict(), renamed(untied(model), PREFIX_STYLES[style]))


def write_llava_next(folder: Path, model: PreTrainedModel, *, without: str = "none", **config) -> Path:
    """Writes a LLaVA-OneVision model as the LLaVA-NeXT code does, without the tensors that start with `without`."""
    tensors = renamed(untied(model), LLAVA_NEXT_NAMES)
    tensors = {name: tensor for name, tensor in tensors.items() if not name.startswith(without)}
    return write_folder(folder, {**LLAVA_NEXT_CONFIG, **config}, tensors)


def write_siglip(folder: Path, *, num_layers: int = VISION["num_hidden_layers"] + 1) -> Path:
    """Writes a whole SigLIP: a vision tower with a head and one layer more than is read, and a text tower."""
    text = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 1, "num_attention_heads": 4}
    text |= {"vocab_size": 100, "bos_token_id": 1, "eos_token_id": 2}
    vision = {**VISION, "num_hidden_layers": num_layers, "vision_use_head": True}
    shake(SiglipModel(SiglipConfig(vision_config=vision, text_config=text))).save_pretrained(folder)
    (folder / "README.md").write_text(CARD)
    return folder


def write_qwen2(folder: Path, **values) -> Path:
    shake(Qwen2ForCausalLM(Qwen2Config(**{**TEXT_VALUES, **values})), seed=1).save_pretrained(folder)
    TOKENIZER.save_pretrained(folder)
    (folder / "README.md").write_text(CARD)
    return folder
