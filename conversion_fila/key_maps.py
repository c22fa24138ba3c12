"""
Names of tensors in other formats, and in a FiLA-Video model: two-way tables of prefixes.

A table maps the beginnings of names. The right side is always FiLA-Video's, which are those of LLaVA-OneVision in
memory, from transformers 5 on.
"""

from collections.abc import Mapping


# As transformers' LLaVA-OneVision checkpoints on the Hub are written.
LLAVA_ONEVISION = {
    "language_model.model.": "model.language_model.",
    "language_model.lm_head.": "lm_head.",
    "vision_tower.vision_model.": "model.vision_tower.",
    "multi_modal_projector.": "model.multi_modal_projector.",
    "image_newline": "model.image_newline",
}

# The other ways in which transformers has saved them: the names in memory, with and without `vision_model`, and what
# transformers 5 writes for a model that was not loaded.
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

# As transformers 5 saves a SigLIP vision model alone.
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


def rename(name: str, table: Mapping[str, str]) -> str | None:
    """The name with its beginning replaced as the table says, or None if it says nothing of it. The longest fits."""
    fitting = [prefix for prefix in table if name.startswith(prefix)]
    if not fitting:
        return None
    prefix = max(fitting, key=len)
    return table[prefix] + name.removeprefix(prefix)


def reversed_table(table: Mapping[str, str]) -> dict[str, str]:
    """
    The table for the way back.

    Raises:
        `ValueError`: if two prefixes lead to the same one.
    """
    back = {target: source for source, target in table.items()}
    if len(back) != len(table):
        raise ValueError(f"{table} leads two names to the same one: there is no way back.")
    return back
