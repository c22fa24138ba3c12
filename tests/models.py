"""Small models with random weights, for the tests."""

import torch

from configuration_fila import FilaVideoConfig
from modeling_fila import FilaVideoForConditionalGeneration


IMAGE_TOKEN_ID, VIDEO_TOKEN_ID, VOCABULARY = 298, 299, 300

VISION = {
    "model_type": "siglip_vision_model",
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "image_size": 42,
    "patch_size": 14,
    "vision_use_head": False,
}
TEXT = {
    "model_type": "qwen2",
    "vocab_size": VOCABULARY,
    "hidden_size": 48,
    "intermediate_size": 96,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 2048,
}


def small_config(**options) -> FilaVideoConfig:
    """3 x 3 patches of width 32, a language model of width 48; 4 scenes of 3 unless `options` say otherwise."""
    values = {
        "vision_config": VISION,
        "text_config": TEXT,
        "image_token_id": IMAGE_TOKEN_ID,
        "video_token_id": VIDEO_TOKEN_ID,
        "num_scenes": 4,
    }
    return FilaVideoConfig(**{**values, **options})


def small_model(seed: int = 0, **options) -> FilaVideoForConditionalGeneration:
    """A model whose weights are larger than at initialization, so that its answers depend on the video."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = FilaVideoForConditionalGeneration(small_config(**options)).eval()
        for parameter in model.parameters():
            parameter.data += 0.1 * torch.randn_like(parameter)
    model.generation_config.suppress_tokens = [IMAGE_TOKEN_ID, VIDEO_TOKEN_ID]
    model.generation_config.eos_token_id = None
    model.generation_config.pad_token_id = 0
    return model


def random_videos(*num_frames: int, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Pixels (V, N, 3, 42, 42) and mask (V, N) of videos with these numbers of frames."""
    generator = torch.Generator().manual_seed(seed)
    pixels = torch.zeros(len(num_frames), max(num_frames), 3, 42, 42)
    mask = torch.zeros(len(num_frames), max(num_frames), dtype=torch.long)
    for index, count in enumerate(num_frames):
        pixels[index, :count] = torch.randn(count, 3, 42, 42, generator=generator)
        mask[index, :count] = 1
    return pixels, mask


def prompt(*parts: int | list[int]) -> list[int]:
    """Token ids of a prompt. A list is a part of the prompt, a number a video with that number of visual tokens."""
    return [token for part in parts for token in ([VIDEO_TOKEN_ID] * part if isinstance(part, int) else part)]


def left_padded(*prompts: list[int]) -> dict[str, torch.Tensor]:
    """`input_ids` and `attention_mask` of prompts of unequal length."""
    longest = max(map(len, prompts))
    ids = [[0] * (longest - len(ids)) + ids for ids in prompts]
    mask = [[0] * (longest - len(ids)) + [1] * len(ids) for ids in prompts]
    return {"input_ids": torch.tensor(ids), "attention_mask": torch.tensor(mask)}
