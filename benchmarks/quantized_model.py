"""One measurement of `quantization.py`: loads a model in one format, and returns its sizes and outputs."""

import copy
import ctypes
import re
from pathlib import Path

import torch
from torch import Tensor
from transformers import AutoConfig, Cache, QuantoConfig

from configuration_fila import FilaVideoConfig
from fila_video.common.loading import loading
from modeling_fila import FilaVideoForConditionalGeneration
from modeling_fila.modeling_compat import CACHE_NAME


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
