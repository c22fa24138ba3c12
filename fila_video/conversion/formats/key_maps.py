"""
Names of tensors in other formats and in a FiLA-Video model, as tables of prefixes.

A key is a prefix in the other format. Its value is the prefix in FiLA-Video, which has the names of LLaVA-OneVision in
memory since transformers 5. `weights/prefixes.py` applies the tables, in both directions.
"""

# LLaVA-OneVision checkpoints on the Hub, as transformers wrote them.
LLAVA_ONEVISION = {
    "language_model.model.": "model.language_model.",
    "language_model.lm_head.": "lm_head.",
    "vision_tower.vision_model.": "model.vision_tower.",
    "multi_modal_projector.": "model.multi_modal_projector.",
    "image_newline": "model.image_newline",
}

# Other names that transformers has written for LLaVA-OneVision: the names in memory, with and without `vision_model`,
# and the names that transformers 5 writes for a model that was not loaded from a file.
LLAVA_ONEVISION_VARIANTS = {
    "model.language_model.": "model.language_model.",
    "lm_head.": "lm_head.",
    "model.vision_tower.vision_model.": "model.vision_tower.",
    "model.vision_tower.": "model.vision_tower.",
    "vision_tower.": "model.vision_tower.",
    "model.multi_modal_projector.": "model.multi_modal_projector.",
    "model.image_newline": "model.image_newline",
}

# The code that LLaVA-OneVision and LLaVA-Video were trained with (github.com/LLaVA-VL/LLaVA-NeXT).
LLAVA_NEXT = {
    "model.embed_tokens.": "model.language_model.embed_tokens.",
    "model.layers.": "model.language_model.layers.",
    "model.norm.": "model.language_model.norm.",
    "lm_head.": "lm_head.",
    "model.vision_tower.vision_tower.vision_model.": "model.vision_tower.",
    "model.mm_projector.0.": "model.multi_modal_projector.linear_1.",
    "model.mm_projector.2.": "model.multi_modal_projector.linear_2.",
    "model.image_newline": "model.image_newline",
}

QWEN2 = {
    "model.": "model.language_model.",
    "lm_head.": "lm_head.",
}

SIGLIP = {
    "vision_model.": "model.vision_tower.",
}

# Names that transformers 5 writes for a SigLIP vision model without its text tower.
SIGLIP_VARIANTS = {
    "embeddings.": "model.vision_tower.embeddings.",
    "encoder.": "model.vision_tower.encoder.",
    "post_layernorm.": "model.vision_tower.post_layernorm.",
    "head.": "model.vision_tower.head.",
}

FILA_VIDEO = {
    "model.": "model.",
    "lm_head.": "lm_head.",
}
