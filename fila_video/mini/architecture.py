"""The configuration of the small model. Every class is that of a large FiLA-Video model; only the sizes are smaller."""

import math
from typing import Any

from transformers import PreTrainedTokenizerBase

from configuration_fila import FilaVideoConfig
from fila_video.world.draw_frame import SIDE


# In 16 seconds, this is one scene per half second. In videos like those of the test, k-means++ then selects a time
# within the tolerance for 99 of 100 beginnings of scenes and objects. With 24 scenes, it would be 95 of 100.
NUM_FRAMES, NUM_SCENES, SCENE_SIZE = 48, 32, 3
PATCH_SIZE = 16
VISION: dict[str, Any] = {
    "model_type": "siglip_vision_model",
    "hidden_size": 128,
    "intermediate_size": 512,
    "num_hidden_layers": 4,
    "num_attention_heads": 4,
    "image_size": SIDE,
    "patch_size": PATCH_SIZE,
    "vision_use_head": False,
}
TEXT: dict[str, Any] = {
    "model_type": "qwen2",
    "hidden_size": 192,
    "intermediate_size": 512,
    "num_hidden_layers": 4,
    "num_attention_heads": 4,
    "num_key_value_heads": 4,
    "max_position_embeddings": 4096,
    "rope_parameters": {"rope_type": "default", "rope_theta": 10000.0},
    # About 1 / sqrt(width). The usual 0.02 is made for large models; with it, look-ups are learned several times later
    # (docs/log.md).
    "initializer_range": 0.06,
}


def mini_config(tokenizer: PreTrainedTokenizerBase) -> FilaVideoConfig:
    """48 frames of 4 x 4 patches, 32 scenes of 3 frames, and one visual token for each scene."""
    tokens = {
        "vocab_size": math.ceil(len(tokenizer) / 64) * 64,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
    }
    return FilaVideoConfig(
        vision_config=VISION,
        text_config={**TEXT, **tokens},
        image_token_id=tokenizer.convert_tokens_to_ids("<image>"),
        video_token_id=tokenizer.convert_tokens_to_ids("<video>"),
        num_frames=NUM_FRAMES,
        num_scenes=NUM_SCENES,
        scene_size=SCENE_SIZE,
        kmeans_init="kmeans++",
        spatial_pool_mode="average",
        spatial_pool_stride=SIDE // PATCH_SIZE,
        newline_position="no_token",
        image_grid_pinpoints=[[SIDE, SIDE]],
        tie_word_embeddings=True,
    )
